// SPDX-License-Identifier: Apache-2.0
// `run`: a request in, the result and its columns out.
#include <pybind11/stl.h>

#include <chrono>

#include "bindings/bindings.h"
#include "bindings/columns.h"
#include "bindings/data_dir.h"
#include "bindings/monitor.h"
#include "bindings/request.h"
#include "model/testbed/race.h"

namespace iodrome::bindings {

namespace py = pybind11;
using testbed::RaceProgress;
using testbed::RaceRequest;

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::function<void(const RaceProgress&)> telling(const py::object& progress) {
  if (progress.is_none()) return {};
  return [&progress](const RaceProgress& at) {
    const py::gil_scoped_acquire interpreter;
    py::dict dict;
    dict["design"] = at.design;
    dict["design_index"] = at.design_index;
    dict["design_count"] = at.design_count;
    dict["requests_done"] = at.requests_done;
    dict["requests_total"] = at.requests_total;
    dict["simulated_ns"] = at.simulated_ns;
    progress(dict);
  };
}

py::tuple run(const std::string& request_json, const py::object& progress,
              std::shared_ptr<StopToken> stop, std::shared_ptr<workloads::Workload> workload) {
  const auto start = std::chrono::steady_clock::now();
  RaceRequest request = parse_request(request_json);
  request.workload = std::move(workload);
  const bool calls_python = request.workload != nullptr;
  Monitor monitor(std::move(stop), calls_python);
  request.monitor = &monitor;
  const auto tell = telling(progress);
  const RunLock lock(monitor);
  monitor.poll();
  testbed::RaceOutcome outcome;
  {
    std::optional<py::gil_scoped_release> others_go_on;
    if (!calls_python) others_go_on.emplace();
    outcome = testbed::race(request, data_dir(), tell);
  }
  outcome.result["wall"] = {{"total_s", seconds_since(start)}};
  py::list columns;
  for (metrics::RequestLog& log : outcome.logs) columns.append(columns_of(std::move(log)));
  return py::make_tuple(outcome.result.dump(), columns);
}

}  // namespace

void add_run(py::module_& module) {
  py::class_<workloads::Workload, std::shared_ptr<workloads::Workload>>(
      module, "Workload", "A workload made by the caller; given to run() instead of an input.");
  module.def("run", &run, py::arg("request_json"), py::arg("progress") = py::none(),
             py::arg("stop") = nullptr, py::arg("workload") = nullptr,
             "Runs a race. Takes the request as JSON text; returns the result as JSON text and, "
             "if requests were to be kept, one dict of columns per design. Only one run at a time "
             "happens in a process; another one waits. Raises InputError, Stopped, ModelError, and "
             "what a signal handler raises.");
}

}  // namespace iodrome::bindings
