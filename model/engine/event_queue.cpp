// SPDX-License-Identifier: Apache-2.0
#include "model/engine/event_queue.h"

#include <algorithm>
#include <bit>

namespace iodrome {

void EventQueue::push_far(std::int64_t time_ps, Event* event) {
  if (time_ps >= top_start_) {
    top_.push_back({time_ps, event});
    top_min_ = std::min(top_min_, time_ps);
    top_max_ = std::max(top_max_, time_ps);
    return;
  }
  for (std::size_t i = 0; i < rung_count_; ++i)
    if (time_ps >= rungs_[i].next_start()) return put(rungs_[i], {time_ps, event});
  push_bottom(time_ps, event);
}

void EventQueue::open(Rung& rung, std::int64_t first, std::int64_t last, std::size_t count) {
  const auto span = static_cast<std::uint64_t>(last - first);
  rung.start = first;
  rung.shift = std::bit_width(span / (count / kPerBucket + 1));
  rung.next = 0;
  rung.count = static_cast<std::size_t>(span >> rung.shift) + 1;
  if (rung.buckets.size() < rung.count) rung.buckets.resize(rung.count);
}

void EventQueue::put(Rung& rung, const Entry& entry) {
  rung.buckets[static_cast<std::size_t>((entry.time - rung.start) >> rung.shift)].push_back(entry);
}

void EventQueue::refill() {
  for (;;) {
    if (rung_count_ == 0) {
      if (top_.size() <= kSmall) {
        top_start_ = top_max_ + 1;
        top_min_ = std::numeric_limits<std::int64_t>::max();
        top_max_ = std::numeric_limits<std::int64_t>::min();
        return sort_into_bottom(top_);
      }
      spill_top();
    }
    if (take_bucket(rungs_[rung_count_ - 1])) return;
  }
}

void EventQueue::spill_top() {
  Rung& rung = rungs_[0];
  open(rung, top_min_, top_max_, top_.size());
  for (const Entry& entry : top_) put(rung, entry);
  top_start_ = rung.start + (static_cast<std::int64_t>(rung.count) << rung.shift);
  top_.clear();
  top_min_ = std::numeric_limits<std::int64_t>::max();
  top_max_ = std::numeric_limits<std::int64_t>::min();
  rung_count_ = 1;
}

// Moves the rung's next bucket down, to a finer rung or to bottom_. True once bottom_ holds events.
bool EventQueue::take_bucket(Rung& rung) {
  while (rung.next < rung.count && rung.buckets[rung.next].empty()) ++rung.next;
  if (rung.next == rung.count) {
    --rung_count_;
    return false;
  }
  std::vector<Entry>& bucket = rung.buckets[rung.next];
  const std::int64_t bucket_start = rung.next_start();
  ++rung.next;
  if (bucket.size() <= kSmall || rung_count_ == kRungs || rung.shift == 0) {
    sort_into_bottom(bucket);
    return true;
  }
  Rung& finer = rungs_[rung_count_];
  open(finer, bucket_start, rung.next_start() - 1, bucket.size());
  for (const Entry& entry : bucket) put(finer, entry);
  bucket.clear();
  ++rung_count_;
  return false;
}

void EventQueue::sort_into_bottom(std::vector<Entry>& bucket) {
  if (bucket.size() <= kSmall) {
    for (const Entry& entry : bucket) {
      bottom_.push_back(entry);
      Entry* const first = bottom_.data();
      Entry* place = first + bottom_.size() - 1;
      for (; place != first && place[-1].time <= entry.time; --place) *place = place[-1];
      *place = entry;
    }
  } else {
    // Reversed first, so that a stable sort, latest first, leaves the oldest of equals at the back.
    bottom_.assign(bucket.rbegin(), bucket.rend());
    std::stable_sort(bottom_.begin(), bottom_.end(),
                     [](const Entry& a, const Entry& b) { return a.time > b.time; });
  }
  bucket.clear();
}

// A crowded bottom_ becomes the finest rung, unless it holds one instant only, which no rung can split.
void EventQueue::spill_bottom() {
  const std::int64_t last = bottom_.front().time;
  const std::int64_t first = bottom_.back().time;
  if (rung_count_ == kRungs || first == last) return;
  if (rung_count_ == 0) top_start_ = last + 1;
  const std::int64_t limit = rung_count_ != 0 ? rungs_[rung_count_ - 1].next_start() : top_start_;
  Rung& rung = rungs_[rung_count_];
  open(rung, first, limit - 1, bottom_.size());
  for (auto entry = bottom_.rbegin(); entry != bottom_.rend(); ++entry) put(rung, *entry);
  bottom_.clear();
  ++rung_count_;
  refill();
}

}  // namespace iodrome
