// SPDX-License-Identifier: Apache-2.0
// Quantities as files write them, for Python's own arguments: one grammar everywhere.
#include "bindings/bindings.h"
#include "model/workloads/input/quantity.h"

namespace iodrome::bindings {

namespace py = pybind11;

namespace {

std::int64_t value_of(const workloads::Parsed& parsed, const std::string& text) {
  if (!parsed) throw py::value_error("'" + text + "': " + parsed.error());
  return *parsed;
}

}  // namespace

void add_quantities(py::module_& module) {
  module.def(
      "parse_bytes",
      [](const std::string& text) { return value_of(workloads::parse_bytes(text), text); },
      py::arg("text"), "A number of bytes, as in \"64 KiB\". Raises ValueError.");
  module.def(
      "parse_duration_ps",
      [](const std::string& text) { return value_of(workloads::parse_duration_ps(text), text); },
      py::arg("text"), "Picoseconds of a duration, as in \"20 us\". Raises ValueError.");
}

}  // namespace iodrome::bindings
