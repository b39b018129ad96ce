// SPDX-License-Identifier: Apache-2.0
// Reads a part file into a parameter table, with every row required and every key known.
#pragma once
#include <string>

#include "model/engine/parameters.h"

namespace iodrome::hw::test {

/// Fills the slots from `hw/<kind>/params/<part>.toml`. Errors: throws with the key's name.
void read_part(const std::string& kind, const std::string& part, ParameterList& list);

template <class Params>
Params part(const std::string& kind, const std::string& name) {
  Params params;
  ParameterList list;
  params.describe(list);
  read_part(kind, name, list);
  return params;
}

}  // namespace iodrome::hw::test
