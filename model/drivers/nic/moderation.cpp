// SPDX-License-Identifier: Apache-2.0
#include "model/drivers/nic/moderation.h"

#include <algorithm>

namespace iodrome::drivers {

// The thresholds are the drivers' own, found by their makers' tests at a gigabit. What is over
// 8,000 bytes a frame is cut by the card or jumbo.
InterruptModeration::Kind InterruptModeration::after(Kind before, const Traffic& traffic) {
  const auto [frames, bytes] = traffic;
  if (frames == 0) return before;
  const std::uint64_t size = bytes / frames;
  switch (before) {
    case Kind::lowest_latency:
      if (size > 8000) return Kind::bulk;
      return frames < 5 && bytes > 512 ? Kind::low_latency : before;
    case Kind::low_latency:
      if (bytes > 10'000) {
        if (size > 1200 || frames < 10) return Kind::bulk;
        return frames > 35 ? Kind::lowest_latency : before;
      }
      if (size > 2000) return Kind::bulk;
      return frames <= 2 && bytes < 512 ? Kind::lowest_latency : before;
    case Kind::bulk:
      if (bytes > 25'000) return frames > 35 ? Kind::low_latency : before;
      return bytes < 6000 ? Kind::low_latency : before;
  }
  return before;
}

InterruptModeration::Kind InterruptModeration::judged(Kind before, const Traffic& traffic) const {
  const Kind kind = after(before, traffic);
  return conservative_ ? std::max(kind, Kind::low_latency) : kind;
}

std::uint32_t InterruptModeration::rate_of(Kind kind) {
  constexpr std::uint32_t kRates[] = {70'000, 20'000, 4'000};
  return kRates[static_cast<int>(kind)];
}

// Down at once, up by a quarter of the aim at a time.
std::optional<Duration> InterruptModeration::polled(const Traffic& received, const Traffic& sent) {
  sends_ = judged(sends_, sent);
  receives_ = judged(receives_, received);
  const std::uint32_t aim = rate_of(std::max(sends_, receives_));
  if (aim == per_second_) return std::nullopt;
  per_second_ = aim > per_second_ ? std::min(per_second_ + aim / 4, aim) : aim;
  return interval();
}

Duration InterruptModeration::interval() const {
  return Duration{1s} / per_second_;
}

}  // namespace iodrome::drivers
