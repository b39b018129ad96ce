// SPDX-License-Identifier: Apache-2.0
// How the disk's write cache goes to the medium.
#include "hw/disk/disk.h"

namespace iodrome::hw {

bool Disk::goes_to_cache(const Work& work) const {
  return cache_on_ && !work.forced() && work.count() * disk::kSectorBytes <= params_.write_cache;
}

bool Disk::has_room(std::int64_t sectors) const {
  const std::int64_t held = cache_.sectors() + destaging_end_ - destaging_first_;
  return (held + sectors) * disk::kSectorBytes <= params_.write_cache;
}

bool Disk::durable(std::uint64_t first, std::uint64_t bytes) const {
  if (bytes == 0) return true;
  const auto sector = static_cast<std::int64_t>(first / disk::kSectorBytes);
  const auto end = static_cast<std::int64_t>((first + bytes - 1) / disk::kSectorBytes) + 1;
  const bool on_its_way = destaging_first_ < end && sector < destaging_end_;
  return !on_its_way && !cache_.holds_any(sector, end - sector);
}

// Without commands as soon as nothing more is read ahead; beside commands what has waited too long,
// in turn with them.
bool Disk::destage_due() {
  if (cache_.empty()) return false;
  if (waiting_.empty()) return timeline_.now() >= mechanics_.read_ahead_end();
  return !commands_turn_ && timeline_.now() - cache_.oldest_since() >= params_.write_cache_age;
}

Activity Disk::destage_later(SimTime time) {
  if (destage_planned_) co_return;
  destage_planned_ = true;
  co_await pause_until(timeline_, time);
  destage_planned_ = false;
  if (!serving_ && !hung_) work_off();
}

// One operation: what is cached without a gap on one track.
Task<void> Disk::destage() {
  const SimTime start = timeline_.now();
  destaging_first_ = next_destage(start);
  destaging_end_ = cache_.take(destaging_first_, mechanics_.track_end(destaging_first_));
  ++counters_.destages;
  co_await pause_until(
      timeline_, mechanics_.write(start, destaging_first_, destaging_end_ - destaging_first_));
  destaging_first_ = destaging_end_ = 0;
}

Task<void> Disk::write_out() {
  while (!cache_.empty()) co_await destage();
}

std::int64_t Disk::next_destage(SimTime start) {
  if (start - cache_.oldest_since() >= params_.write_cache_age) return cache_.oldest();
  return nearest_cached(start);
}

// The run whose first sector comes by first; of several, the lowest. From the arm's cylinder both
// ways, until the seek alone takes longer.
std::int64_t Disk::nearest_cached(SimTime start) const {
  const DiskPlace arm = mechanics_.arm_at(start);
  std::int64_t best = -1;
  SimTime best_time{};
  const auto consider = [&](std::int64_t first) {
    const std::int64_t distance = std::abs(mechanics_.place(first).cylinder - arm.cylinder);
    if (best >= 0 && start + mechanics_.seek_time(distance) > best_time) return false;
    const SimTime time = mechanics_.reach(arm, start, first);
    if (best < 0 || time < best_time || (time == best_time && first < best)) {
      best = first;
      best_time = time;
    }
    return true;
  };
  const auto& runs = cache_.runs();
  const auto here = runs.lower_bound(mechanics_.cylinder_start(arm.cylinder));
  for (auto run = here; run != runs.end() && consider(run->first); ++run) {
  }
  for (auto run = here; run != runs.begin() && consider(std::prev(run)->first); --run) {
  }
  return best;
}

}  // namespace iodrome::hw
