// SPDX-License-Identifier: Apache-2.0
// An oracle for walks in which memory does not run out: that has tests of its own.
#pragma once
#include "model/engine/choice.h"

namespace iodrome::tests {

struct NoFailures final : ChoiceOracle {
  explicit NoFailures(ChoiceOracle& by) : walk(by) {}
  std::uint32_t choose(Choice kind, std::uint32_t options, const char* site) override {
    return kind == Choice::allocation ? 0 : walk.choose(kind, options, site);
  }
  ChoiceOracle& walk;
};

}  // namespace iodrome::tests
