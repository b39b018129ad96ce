// SPDX-License-Identifier: Apache-2.0
// `run`: a request in, the result and its columns out.
#include <pybind11/stl.h>

#include <chrono>

#include "bindings/bindings.h"
#include "bindings/columns.h"
#include "bindings/data_dir.h"
#include "bindings/monitor.h"
#include "model/testbed/race.h"

#ifndef IODROME_VERSION
#define IODROME_VERSION "unknown"
#endif

namespace iodrome::bindings {

namespace py = pybind11;
using Json = nlohmann::ordered_json;
using testbed::RaceProgress;
using testbed::RaceRequest;

namespace {

template <class T>
std::optional<T> optional_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || found->is_null()) return std::nullopt;
  return found->get<T>();
}

// The request as the package sends it; its form is the package's business, so a wrong one is its
// bug.
RaceRequest parse_request(const std::string& text) {
  const Json json = Json::parse(text);
  RaceRequest request;
  request.input = json.at("input").get<std::string>();
  request.text = optional_of<std::string>(json, "text");
  request.kind = optional_of<std::string>(json, "kind");
  request.designs = optional_of<std::vector<std::string>>(json, "designs");
  request.machine = optional_of<std::string>(json, "machine");
  request.seed = optional_of<std::uint64_t>(json, "seed");
  request.skip_bad = optional_of<std::uint64_t>(json, "skip_bad");
  request.set = optional_of<std::vector<std::pair<std::string, std::string>>>(json, "set")
                    .value_or(std::vector<std::pair<std::string, std::string>>{});
  const std::string driver = optional_of<std::string>(json, "driver").value_or("hosted");
  if (driver != "hosted" && driver != "free")
    throw testbed::InputError("the driver is hosted or free, not '" + driver + "'");
  request.hosted = driver == "hosted";
  request.tlm = optional_of<bool>(json, "tlm").value_or(false);
  if (const auto path = optional_of<std::string>(json, "timeline"))
    request.timeline = testbed::TimelineRequest{*path, IODROME_VERSION};
  request.keep_requests = optional_of<bool>(json, "keep_requests").value_or(false);
  return request;
}

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
