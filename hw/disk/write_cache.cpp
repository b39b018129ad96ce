// SPDX-License-Identifier: Apache-2.0
#include "hw/disk/write_cache.h"

#include <algorithm>

#include "model/engine/check.h"

namespace iodrome::hw {

void DiskWriteCache::put(std::int64_t first, Run run) {
  if (first == run.end) return;
  runs_[first] = run;
  sectors_ += run.end - first;
}

void DiskWriteCache::add(std::int64_t first, std::int64_t count, SimTime now) {
  remove(first, count);
  put(first, {first + count, now});
  arrivals_.push_back({first, now});
}

// What is left of a run keeps its age; its head stays findable under its old first sector.
void DiskWriteCache::remove(std::int64_t first, std::int64_t count) {
  const std::int64_t end = first + count;
  auto next = runs_.upper_bound(first);
  if (next != runs_.begin()) --next;
  while (next != runs_.end() && next->first < end) {
    const auto [begin, run] = *next;
    if (run.end <= first) {
      ++next;
      continue;
    }
    next = runs_.erase(next);
    sectors_ -= run.end - begin;
    if (begin < first) put(begin, {first, run.since});
    if (run.end > end) {
      put(end, {run.end, run.since});
      const auto older = std::upper_bound(
          arrivals_.begin(), arrivals_.end(), run.since,
          [](SimTime since, const Arrival& arrival) { return since < arrival.since; });
      arrivals_.insert(older, {end, run.since});
    }
  }
}

bool DiskWriteCache::holds_all(std::int64_t first, std::int64_t count) const {
  const std::int64_t end = first + count;
  auto next = runs_.upper_bound(first);
  if (next == runs_.begin()) return false;
  --next;
  std::int64_t held = first;
  while (held < end && next != runs_.end() && next->first <= held) {
    held = std::max(held, next->second.end);
    ++next;
  }
  return held >= end;
}

bool DiskWriteCache::holds_any(std::int64_t first, std::int64_t count) const {
  const auto next = runs_.lower_bound(first + count);
  return next != runs_.begin() && std::prev(next)->second.end > first;
}

std::int64_t DiskWriteCache::oldest() {
  for (;;) {
    check(!arrivals_.empty(), "the oldest run of an empty write cache");
    const Arrival arrival = arrivals_.front();
    const auto run = runs_.find(arrival.first);
    if (run != runs_.end() && run->second.since == arrival.since) return arrival.first;
    arrivals_.pop_front();
  }
}

SimTime DiskWriteCache::oldest_since() {
  return runs_.at(oldest()).since;
}

std::int64_t DiskWriteCache::take(std::int64_t first, std::int64_t limit) {
  std::int64_t end = first;
  for (auto run = runs_.find(first); run != runs_.end() && run->first == end && end < limit;
       run = runs_.find(end))
    end = std::min(run->second.end, limit);
  remove(first, end - first);
  return end;
}

}  // namespace iodrome::hw
