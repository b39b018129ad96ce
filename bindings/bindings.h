// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

namespace iodrome::bindings {

/// Adds `InputError`, `Stopped` and `ModelError` to the module.
void add_errors(pybind11::module_& module);

/// Adds `run` and `Workload` to the module.
void add_run(pybind11::module_& module);

/// Adds `parse_bytes` and `parse_duration_ps` to the module.
void add_quantities(pybind11::module_& module);

/// Adds `set_data_dir`, `list_designs`, `list_machines` and `version` to the module.
void add_catalogue(pybind11::module_& module);

}  // namespace iodrome::bindings
