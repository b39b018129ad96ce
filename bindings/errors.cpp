// SPDX-License-Identifier: Apache-2.0
// C++ errors as Python exceptions: InputError with its findings, Stopped, ModelError for the rest.
#include <pybind11/stl.h>

#include "bindings/bindings.h"
#include "bindings/monitor.h"
#include "model/testbed/race.h"

namespace iodrome::bindings {

namespace py = pybind11;
using workloads::Diagnostic;

namespace {

const char* name_of(workloads::Severity severity) {
  switch (severity) {
    case workloads::Severity::error:
      return "error";
    case workloads::Severity::warning:
      return "warning";
    default:
      return "note";
  }
}

py::list findings_of(const testbed::InputError& error) {
  py::list findings;
  for (const Diagnostic& finding : error.findings) {
    py::dict entry;
    entry["file"] = workloads::printable(finding.file, 4096);
    entry["line"] = finding.line;
    entry["column"] = finding.column;
    entry["severity"] = name_of(finding.severity);
    entry["message"] = workloads::printable(finding.message, 4096);
    entry["hint"] = workloads::printable(finding.hint, 4096);
    findings.append(entry);
  }
  return findings;
}

}  // namespace

void add_errors(py::module_& module) {
  static py::exception<testbed::InputError> input_error(module, "InputError", PyExc_ValueError);
  static py::exception<Stopped> stopped(module, "Stopped", PyExc_RuntimeError);
  static py::exception<std::logic_error> model_error(module, "ModelError", PyExc_RuntimeError);
  input_error.attr("__doc__") =
      "What was given is wrong. The text says everything, with places and the nearest right names; "
      "`findings` is the same as a list of dicts: file, line, column, severity, message, hint.";
  stopped.attr("__doc__") = "A run was ended by its stop token. Nothing was kept.";
  model_error.attr("__doc__") = "A fault of the simulator or of a model, not of the input.";
  py::register_local_exception_translator([](std::exception_ptr error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const testbed::InputError& fault) {
      const py::object type = input_error;
      const py::object instance = type(fault.what());
      instance.attr("findings") = findings_of(fault);
      PyErr_SetObject(input_error.ptr(), instance.ptr());
    } catch (const Stopped& fault) {
      PyErr_SetString(stopped.ptr(), fault.what());
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
}

}  // namespace iodrome::bindings
