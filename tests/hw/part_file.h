// SPDX-License-Identifier: Apache-2.0
// Reads a part file into a parameter table, with every row required and every key known.
#pragma once
#include <string>

#include "model/engine/parameters.h"

namespace iodrome::hw::test {

/// Fills the slots from the table of that name in `hw/<kind>/params/<part>.toml`. Errors: throws
/// with the key.
void read_part(const std::string& kind, const std::string& part, const std::string& table,
               ParameterList& list);

template <class Params>
Params part(const std::string& kind, const std::string& name, const std::string& table = "") {
  Params params;
  ParameterList list;
  params.describe(list);
  read_part(kind, name, table.empty() ? kind : table, list);
  return params;
}

}  // namespace iodrome::hw::test
