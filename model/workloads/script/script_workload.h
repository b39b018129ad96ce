// SPDX-License-Identifier: Apache-2.0
// A chain written in a scenario file, issued by a number of clients.
#pragma once
#include "model/chain/chain.h"
#include "model/workloads/scenario/scenario_file.h"
#include "model/workloads/workload.h"

namespace iodrome::workloads {

class ScriptWorkload final : public Workload {
 public:
  /// Errors: operations and references that the designs do not have, each at its place; then
  /// nothing is returned.
  static std::unique_ptr<ScriptWorkload> make(const ScenarioChain& chain, Diagnostics& diagnostics);

  std::uint32_t connections() const override { return static_cast<std::uint32_t>(script_.clients); }
  std::int64_t steps() const override { return static_cast<std::int64_t>(chain_.steps.size()); }
  std::uint64_t file_bytes() const override;
  std::uint32_t file_count() const override;
  bool payload_checked() const override { return true; }
  Errno lay_out(kernel::FileSystem& files) const override;
  std::unique_ptr<WorkloadRun> start(Stage& stage) const override;
  nlohmann::ordered_json summary() const override;
  std::vector<designs::Difference> not_modelled() const override;

  const ScenarioChain& script() const { return script_; }
  bool direct() const { return direct_; }
  /// The chain with paths as they are written; descriptors of sockets, random offsets and the
  /// request's number in paths are for a run to fill in.
  const chain::Chain& chain() const { return chain_; }
  /// Sizes of the files it opens, by path as written, bytes.
  const std::map<std::string, std::uint64_t>& files() const { return files_; }
  bool sends() const { return sends_; }
  bool digests() const { return digests_; }
  std::uint64_t memory_bytes() const { return memory_bytes_; }
  std::int64_t requests() const { return script_.clients * script_.repeat; }
  /// A path of the request with that number.
  static std::string expand(const std::string& path, std::uint64_t request);

 private:
  void build();
  void find_files();
  void check_size(Diagnostics& diagnostics) const;
  std::uint64_t count_of(const std::string& written) const;
  std::vector<std::string> paths_of(const std::string& written) const;

  ScenarioChain script_;
  chain::Chain chain_;
  std::map<std::string, std::uint64_t> files_;  // that are there from the start
  std::uint64_t memory_bytes_ = 0;
  bool direct_ = false;
  bool sends_ = false;
  bool digests_ = false;
};

}  // namespace iodrome::workloads
