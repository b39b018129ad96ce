// SPDX-License-Identifier: Apache-2.0
#include <pybind11/stl.h>

#include "bindings/bindings.h"
#include "bindings/data_dir.h"
#include "model/designs/design.h"
#include "model/testbed/machine_spec.h"

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
      "set_data_dir", [](const std::string& path) { data_dir() = path; }, py::arg("path"));
  module.def("list_designs", [] {
    py::list all;
    for (const designs::Descriptor* descriptor : designs::all()) {
      py::dict design;
      design["name"] = std::string(descriptor->name);
      design["summary"] = std::string(descriptor->summary);
      design["source"] = std::string(descriptor->source);
      all.append(design);
    }
    return all;
  });
  module.def("list_machines", [] { return testbed::machine_names(data_dir()); });
  module.def("version", [] { return std::string(IODROME_VERSION); });
}

}  // namespace iodrome::bindings
