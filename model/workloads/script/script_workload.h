// SPDX-License-Identifier: Apache-2.0
// A chain written in a scenario file, issued by a number of clients.
#pragma once
#include "model/workloads/scenario/scenario_file.h"
#include "model/workloads/workload.h"

namespace iodrome::workloads {

class ScriptWorkload final : public Workload {
 public:
  /// Errors: operations and references that the designs do not have, each at its place; then
  /// nothing is returned.
  static std::unique_ptr<ScriptWorkload> make(const ScenarioChain& chain, Diagnostics& diagnostics);

  std::uint32_t connections() const override { return static_cast<std::uint32_t>(script_.clients); }
  std::uint64_t file_bytes() const override;
  std::uint32_t file_count() const override { return static_cast<std::uint32_t>(files_.size()); }
  bool payload_checked() const override { return true; }
  Errno lay_out(kernel::FileSystem& files) const override;
  std::unique_ptr<WorkloadRun> start(Stage& stage) const override;
  nlohmann::ordered_json summary() const override;

  const ScenarioChain& script() const { return script_; }
  const std::map<std::string, std::uint64_t>& files() const { return files_; }
  bool direct() const { return direct_; }
  /// Path of the file a step's descriptor refers to.
  const std::string& path_of(std::size_t step) const;

 private:
  ScenarioChain script_;
  std::map<std::string, std::uint64_t> files_;  // by path: size in bytes
  bool direct_ = false;
};

}  // namespace iodrome::workloads
