// SPDX-License-Identifier: Apache-2.0
// A web server's access log, replayed as chains to clients: open, stat, send, close.
#pragma once
#include "model/workloads/access_log/access_log.h"
#include "model/workloads/scenario/load.h"
#include "model/workloads/workload.h"

namespace iodrome::workloads {

struct WebOptions {
  Load load;
  std::int64_t connections = 0;  // most at a time; clients share them, in order
};

/// Requests of one client address keep their order; latency counts from the intended arrival.
class WebWorkload final : public Workload {
 public:
  WebWorkload(AccessLog log, const WebOptions& options);

  std::uint32_t connections() const override { return connections_; }
  std::uint64_t file_bytes() const override { return file_bytes_; }
  std::uint32_t file_count() const override {
    return static_cast<std::uint32_t>(log_.files.size());
  }
  bool payload_checked() const override { return true; }
  Errno lay_out(kernel::FileSystem& files) const override;
  std::unique_ptr<WorkloadRun> start(Stage& stage) const override;
  std::int64_t submit_batch() const override { return 32; }
  nlohmann::ordered_json summary() const override;
  std::map<std::string, std::uint64_t> skipped() const override { return log_.skipped; }
  std::vector<designs::Difference> not_modelled() const override;

  const AccessLog& log() const { return log_; }
  const WebOptions& options() const { return options_; }
  std::uint64_t bytes_to_send() const { return bytes_to_send_; }

 private:
  AccessLog log_;
  WebOptions options_;
  std::uint32_t connections_;
  std::uint64_t file_bytes_ = 0;
  std::uint64_t bytes_to_send_ = 0;
};

}  // namespace iodrome::workloads
