// SPDX-License-Identifier: Apache-2.0
#include "model/testbed/catalogue.h"
#include "bindings/bindings.h"
#include "bindings/data_dir.h"
#include "model/testbed/preparation.h"

#ifndef IODROME_VERSION
#define IODROME_VERSION "unknown"
#endif

namespace iodrome::bindings {

namespace py = pybind11;

// Set once, when the package is imported.
std::string& data_dir() {
  static std::string folder = ".";
  return folder;
}

void add_catalogue(py::module_& module) {
  module.def(
      "set_data_dir", [](const std::string& path) { data_dir() = path; }, py::arg("path"),
      "Says where scenarios/, hw/ and model/ with their tables lie.");
  module.def(
      "catalogue",
      [](const std::string& machine) {
        const std::string name = machine.empty() ? testbed::kDefaultMachine : machine;
        return testbed::catalogue(data_dir(), name).dump();
      },
      py::arg("machine") = "",
      "What a race can be made of, as JSON text, with the parameters of a machine (by default the "
      "one that races take). Raises InputError.");
  module.def(
      "version", [] { return std::string(IODROME_VERSION); }, "The version of the simulator.");
}

}  // namespace iodrome::bindings
