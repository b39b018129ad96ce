// SPDX-License-Identifier: Apache-2.0
// Simulated time: 64-bit picoseconds, the grain SystemC uses by default; the range is ±106 days.
#pragma once
#include <chrono>
#include <cstdint>
#include <ratio>

namespace iodrome {

using namespace std::chrono_literals;

/// A span of simulated time.
using Duration = std::chrono::duration<std::int64_t, std::pico>;

/// The clock of a simulation. It has no static now(): only a Timeline knows the time.
struct SimClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<SimClock, Duration>;
  static constexpr bool is_steady = true;
};
using SimTime = SimClock::time_point;

inline constexpr SimTime kNever = SimTime::max();

constexpr std::int64_t to_ps(Duration d) {
  return d.count();
}
constexpr std::int64_t to_ps(SimTime t) {
  return t.time_since_epoch().count();
}
constexpr Duration ps(std::int64_t count) {
  return Duration{count};
}

/// `time + delay`, or kNever where that lies beyond the range.
constexpr SimTime later(SimTime time, Duration delay) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(to_ps(time), to_ps(delay), &sum)) return kNever;
  return SimTime{Duration{sum}};
}

}  // namespace iodrome
