// SPDX-License-Identifier: Apache-2.0
#include "hw/memory/memory_bus.h"

#include <algorithm>

#include "model/engine/check.h"

namespace iodrome::hw {

namespace {
constexpr std::size_t kSlices = 64;  // to begin with

constexpr std::int64_t kTrickle = 256;  // what a disk brings while it seeks would fill many slices
constexpr std::int64_t kPsPerSecond = 1'000'000'000'000;
constexpr std::int64_t kGrains = 1024;                               // of a byte
constexpr std::int64_t kMostBytesPerSecond = std::int64_t{1} << 43;  // times a slice fits 63 bits
constexpr std::int64_t kMostBytes = std::int64_t{1} << 33;           // and so do these, in grains

// What passes in a slice, in grains.
std::int64_t grains_in(Rate rate, std::int64_t slice_ps) {
  check(rate.bytes_per_s >= 0 && rate.bytes_per_s <= kMostBytesPerSecond,
        "a memory bandwidth above 8 TB/s");
  const std::int64_t product = rate.bytes_per_s * slice_ps;
  return product / kPsPerSecond * kGrains + product % kPsPerSecond * kGrains / kPsPerSecond;
}
}  // namespace

MemoryBus::MemoryBus(Rate bandwidth) : capacity_(grains_in(bandwidth, kSlice)), slices_(kSlices) {
  check(bandwidth.bytes_per_s == 0 || capacity_ > 0, "a memory bandwidth of nearly nothing");
}

// What was in its place is over: slices of the past are asked for by nobody.
MemoryBus::Slice& MemoryBus::slice(std::int64_t number) {
  Slice& found = slices_[static_cast<std::size_t>(number) & (slices_.size() - 1)];
  if (found.number != number) found = {number, 0};
  return found;
}

void MemoryBus::grow() {
  std::vector<Slice> old(2 * slices_.size());
  old.swap(slices_);
  for (const Slice& each : old)
    if (each.number >= 0) slice(each.number) = each;
}

SimTime MemoryBus::carry(SimTime now, Stretch alone, std::int64_t bytes) {
  const auto [from, until] = alone;
  if (capacity_ == 0 || bytes == 0) return until;
  check(bytes > 0 && bytes <= kMostBytes, "traffic of less than nothing, or of 8 GB");
  const std::int64_t oldest = to_ps(now) >> kSliceShift;
  const std::int64_t lasts = std::max<std::int64_t>(to_ps(until) - to_ps(from), 1);
  const std::int64_t all = bytes * kGrains;
  // Its own pace: so much of it in a whole slice, rounded up.
  const std::int64_t rate = (all * kSlice + lasts - 1) / lasts;
  bytes_carried_ += static_cast<std::uint64_t>(bytes);
  if (rate < capacity_ / kTrickle) return until;
  const std::int64_t pace = std::min(all, rate);
  std::int64_t number = (to_ps(from) >> kSliceShift) - 1;
  std::int64_t used = 0;
  for (std::int64_t left = all; left > 0;) {
    ++number;
    while (number - oldest >= static_cast<std::int64_t>(slices_.size())) grow();
    Slice& here = slice(number);
    const std::int64_t part = std::min({left, pace, capacity_ - here.used});
    left -= part;
    used = here.used += part;
  }
  if (number <= to_ps(until) >> kSliceShift) return until;
  // In the last slice it comes behind what was there before.
  const SimTime end{ps((number << kSliceShift) + kSlice * used / capacity_)};
  held_up_ += end - until;
  return end;
}

}  // namespace iodrome::hw
