// SPDX-License-Identifier: Apache-2.0
// An oracle that goes through every schedule of a small test, depth first.
#pragma once
#include <vector>

#include "model/engine/check.h"
#include "model/engine/choice.h"

namespace iodrome {

class EverySchedule final : public ChoiceOracle {
 public:
  std::uint32_t choose(Choice, std::uint32_t options, const char*) override {
    if (depth_ == path_.size()) path_.push_back({0, options});
    const Pick& pick = path_[depth_++];
    check(pick.options == options, "a replayed prefix led somewhere else");
    return pick.taken;
  }

  /// Moves on to the next schedule; false after the last.
  bool next() {
    depth_ = 0;
    while (!path_.empty() && path_.back().taken + 1 == path_.back().options) path_.pop_back();
    if (path_.empty()) return false;
    ++path_.back().taken;
    return true;
  }

 private:
  struct Pick {
    std::uint32_t taken;
    std::uint32_t options;
  };
  std::vector<Pick> path_;
  std::size_t depth_ = 0;
};

}  // namespace iodrome
