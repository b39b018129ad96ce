// SPDX-License-Identifier: Apache-2.0
#include "bindings/bindings.h"
#include "bindings/monitor.h"
#include "bindings/python_workload.h"

// libsystemc carries `main` and leaves `sc_main` undefined: an extension that does not show one
// fails at import.
extern "C" __attribute__((visibility("default"))) int sc_main(int, char**) {
  return 0;
}

PYBIND11_MODULE(_core, module) {
  module.doc() = "The simulator behind the package iodrome.";
  iodrome::bindings::add_errors(module);
  iodrome::bindings::add_monitor(module);
  iodrome::bindings::add_run(module);
  iodrome::bindings::add_python_workload(module);
  iodrome::bindings::add_quantities(module);
  iodrome::bindings::add_catalogue(module);
}
