// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

namespace iodrome::bindings {

/// Where machines, parts, scenarios and design tables are found: laid out as the repository.
std::string& data_dir();

}  // namespace iodrome::bindings
