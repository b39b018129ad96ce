// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "model/engine/check.h"
#include "model/engine/parameters.h"

namespace iodrome::hw {

/// A device's parameters as it takes them: whoever made the device has examined them before, so a
/// value that no such device can have is an internal error.
template <class Params>
const Params& examined(const Params& params) {
  ParameterProblems problems;
  params.examine(problems);
  if (!problems.empty()) fail_check(problems.lines()[0].c_str());
  return params;
}

}  // namespace iodrome::hw
