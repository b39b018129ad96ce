// SPDX-License-Identifier: Apache-2.0
// How often a card may interrupt, chosen anew behind every poll by what the traffic is like.
//
// Source: Intel's e1000 and e1000e, e1000_update_itr() and e1000_set_itr(); their README of
// InterruptThrottleRate: modes 1 (dynamic) and 3 (dynamic conservative), the default.
#pragma once
#include <cstdint>
#include <optional>

#include "model/engine/time.h"

namespace iodrome::drivers {

/// What has gone one way since the last interrupt. Frames without preamble, gap and check sum.
struct Traffic {
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;
};

class InterruptModeration {
 public:
  /// `conservative`: also traffic that wants the lowest latency interrupts at most 20,000 times a
  /// second.
  explicit InterruptModeration(bool conservative) : conservative_(conservative) {}

  /// A poll has emptied the rings. Returns the least interval from now on, if it is another one.
  std::optional<Duration> polled(const Traffic& received, const Traffic& sent);
  /// The one in force before and between changes.
  Duration interval() const;

 private:
  // In the order of how much latency they bear.
  enum class Kind : std::uint8_t { lowest_latency, low_latency, bulk };
  static Kind after(Kind before, const Traffic& traffic);
  static std::uint32_t rate_of(Kind kind);
  Kind judged(Kind before, const Traffic& traffic) const;

  const bool conservative_;
  Kind receives_ = Kind::lowest_latency;  // as in an adapter of zeros
  Kind sends_ = Kind::lowest_latency;
  std::uint32_t per_second_ = 20'000;
};

}  // namespace iodrome::drivers
