// SPDX-License-Identifier: Apache-2.0
// `run` and the errors it raises.
#include <chrono>

#include "bindings/bindings.h"
#include "bindings/data_dir.h"
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
  request.kind = optional_of<std::string>(json, "kind");
  request.designs = optional_of<std::vector<std::string>>(json, "designs");
  request.machine = optional_of<std::string>(json, "machine");
  request.seed = optional_of<std::uint64_t>(json, "seed");
  request.skip_bad = optional_of<std::uint64_t>(json, "skip_bad");
  request.set = optional_of<std::vector<std::pair<std::string, std::string>>>(json, "set")
                    .value_or(std::vector<std::pair<std::string, std::string>>{});
  const std::string driver = optional_of<std::string>(json, "driver").value_or("hosted");
  if (driver != "hosted" && driver != "free")
    throw testbed::InputError("error: the driver is hosted or free, not '" + driver + "'");
  request.hosted = driver == "hosted";
  request.tlm = optional_of<bool>(json, "tlm").value_or(false);
  if (const auto path = optional_of<std::string>(json, "timeline"))
    request.timeline = testbed::TimelineRequest{*path, IODROME_VERSION};
  return request;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::string run(const std::string& request_json, const py::object& progress) {
  const auto start = std::chrono::steady_clock::now();
  std::function<void(const RaceProgress&)> tell;
  if (!progress.is_none())
    tell = [&](const RaceProgress& at) {
      py::dict dict;
      dict["design"] = at.design;
      dict["design_index"] = at.design_index;
      dict["design_count"] = at.design_count;
      dict["requests_done"] = at.requests_done;
      dict["requests_total"] = at.requests_total;
      dict["simulated_ns"] = at.simulated_ns;
      progress(dict);
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    };
  Json result = testbed::race(parse_request(request_json), data_dir(), tell);
  result["wall"] = {{"total_s", seconds_since(start)}};
  return result.dump();
}

}  // namespace

void add_run(py::module_& module) {
  py::register_local_exception<testbed::InputError>(module, "InputError", PyExc_ValueError);
  static py::exception<std::logic_error> model_error(module, "ModelError", PyExc_RuntimeError);
  py::register_local_exception_translator([](std::exception_ptr error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const testbed::InputError&) {
      throw;
    } catch (const py::builtin_exception&) {
      throw;
    } catch (const py::error_already_set&) {
      throw;
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& fault) {
      PyErr_SetString(model_error.ptr(), fault.what());
    }
  });
  module.def("run", &run, py::arg("request_json"), py::arg("progress") = py::none(),
             "Runs a race. Takes the request and returns the result, both as JSON text. Raises "
             "InputError for "
             "what is wrong with the request, ModelError for a fault of a model.");
}

}  // namespace iodrome::bindings
