// SPDX-License-Identifier: Apache-2.0
// What a race can be made of, told without running anything: whoever lists, explains, completes or
// writes a schema reads this and nothing else.
#pragma once
#include <string>

#include <nlohmann/json.hpp>

namespace iodrome::testbed {

/// Designs, machines, parts, scenarios, the words of scenarios and job files, the closed lists of
/// the model, and every parameter that `--set` takes on `machine` (a name or a file) with its value
/// there and where that comes from.
///
/// Order: designs by folder, files by name, parameters as their tables have them.
/// Errors: InputError with every finding about the files.
nlohmann::ordered_json catalogue(const std::string& data_dir, const std::string& machine);

}  // namespace iodrome::testbed
