// SPDX-License-Identifier: Apache-2.0
// Applications written in Python: a generator per client yields operations, and is resumed with
// their results straight from the timeline.
#pragma once
#include <pybind11/pybind11.h>

#include <map>
#include <string>

#include "model/workloads/workload.h"

namespace iodrome::bindings {

/// What the package gives: `app(client)` returns a generator.
struct PythonApp {
  pybind11::object app;
  std::string name;                            // for the report
  std::string source;                          // a digest of its text, so that two are told apart
  std::map<std::string, std::uint64_t> files;  // by path: size in bytes
  std::uint32_t clients = 1;
  bool check_bytes = true;  // payload really moves, and remote clients check it
};

class PythonWorkload final : public workloads::Workload {
 public:
  explicit PythonWorkload(PythonApp app) : app_(std::move(app)) {}

  std::uint32_t connections() const override { return app_.clients; }
  std::uint64_t file_bytes() const override;
  std::uint32_t file_count() const override {
    return static_cast<std::uint32_t>(app_.files.size());
  }
  bool payload_checked() const override { return app_.check_bytes; }
  Errno lay_out(kernel::FileSystem& files) const override;
  /// Errors: what app() raises.
  std::unique_ptr<workloads::WorkloadRun> start(workloads::Stage& stage) const override;
  nlohmann::ordered_json summary() const override;
  std::vector<designs::Difference> not_modelled() const override;

  const PythonApp& app() const { return app_; }

 private:
  PythonApp app_;
};

void add_python_workload(pybind11::module_& module);

}  // namespace iodrome::bindings
