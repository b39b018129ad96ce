// SPDX-License-Identifier: Apache-2.0
// How long a thread has slept, by what it waited for.
#pragma once
#include <string_view>
#include <utility>
#include <vector>

#include "model/engine/time.h"

namespace iodrome::kernel {

/// Order: of the first sleep of each.
class SleepTimes {
 public:
  void add(std::string_view waited_for, Duration asleep) {
    for (auto& [what, time] : by_cause_)
      if (what == waited_for) return static_cast<void>(time += asleep);
    by_cause_.emplace_back(waited_for, asleep);
  }
  void merge(const SleepTimes& other) {
    for (const auto& [what, time] : other.by_cause_) add(what, time);
  }
  /// The names are those that sleepers give, which last.
  const std::vector<std::pair<std::string_view, Duration>>& by_cause() const { return by_cause_; }

 private:
  std::vector<std::pair<std::string_view, Duration>> by_cause_;
};

}  // namespace iodrome::kernel
