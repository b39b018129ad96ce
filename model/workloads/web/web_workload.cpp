// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/web/web_workload.h"

#include "model/workloads/web/web_run.h"

namespace iodrome::workloads {

WebWorkload::WebWorkload(AccessLog log, const WebOptions& options)
    : log_(std::move(log)), options_(options) {
  const bool closed = options_.load.kind == Load::Kind::closed;
  const std::int64_t clients = closed ? options_.load.clients : log_.clients;
  connections_ =
      static_cast<std::uint32_t>(std::min(clients, closed ? clients : options_.connections));
  for (const FileEntry& file : log_.files)
    file_bytes_ += static_cast<std::uint64_t>(file.size_bytes);
  for (const AccessRecord& record : log_.records)
    bytes_to_send_ += static_cast<std::uint64_t>(log_.bytes_of(record));
}

Errno WebWorkload::lay_out(kernel::FileSystem& files) const {
  for (const FileEntry& file : log_.files) {
    const auto added = files.add_file(file.path, static_cast<std::uint64_t>(file.size_bytes),
                                      kernel::Inode::Metadata::cold);
    if (!added) return added.error();
  }
  return Errno::ok;
}

std::unique_ptr<WorkloadRun> WebWorkload::start(Stage& stage) const {
  return std::make_unique<WebRun>(*this, stage);
}

nlohmann::ordered_json WebWorkload::summary() const {
  nlohmann::ordered_json json;
  json["kind"] = "access_log";
  json["requests"] = log_.records.size();
  json["files"] = log_.files.size();
  json["file_bytes"] = file_bytes_;
  json["bytes_to_send"] = bytes_to_send_;
  json["clients"] = log_.clients;
  json["connections"] = connections_;
  json["sends_cut_to_file_size"] = log_.clamped_sends;
  switch (options_.load.kind) {
    case Load::Kind::share:
      json["load_ppm_of_link"] = options_.load.share_ppm;
      break;
    case Load::Kind::trace:
      json["load"] = "trace";
      break;
    case Load::Kind::closed:
      json["load"] = "closed:" + std::to_string(options_.load.clients);
      break;
  }
  return json;
}

std::vector<designs::Difference> WebWorkload::not_modelled() const {
  return {{"receiving and parsing the HTTP request: it appears in the application's queue at its "
           "arrival, and only a thread that sleeps for it makes a call",
           "workloads/web"},
          {"HTTP headers of the response: bodies only are sent", "workloads/web"},
          {"connection set-up and tear-down", "workloads/web"}};
}

}  // namespace iodrome::workloads
