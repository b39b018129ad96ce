// SPDX-License-Identifier: Apache-2.0
// What Linux's tools call what events carry as numbers.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace iodrome::timeline {

/// Events carry no priorities; what Linux shows for nice 0 is the one that marks nobody.
inline constexpr int kEverybodysPriority = 120;

/// Source: Linux include/linux/interrupt.h, the enumeration of softirqs.
inline const char* softirq_name(std::uint64_t vector) {
  static constexpr const char* kNames[] = {"HI",       "TIMER",   "NET_TX", "NET_RX",  "BLOCK",
                                           "IRQ_POLL", "TASKLET", "SCHED",  "HRTIMER", "RCU"};
  return vector < std::size(kNames) ? kNames[vector] : "UNKNOWN";
}

/// The words of an EventInfo's `fields`.
inline std::vector<std::string_view> field_names(std::string_view fields) {
  std::vector<std::string_view> names;
  while (!fields.empty()) {
    const std::size_t blank = fields.find(' ');
    names.push_back(fields.substr(0, blank));
    fields = blank == std::string_view::npos ? "" : fields.substr(blank + 1);
  }
  return names;
}

}  // namespace iodrome::timeline
