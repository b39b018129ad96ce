// SPDX-License-Identifier: Apache-2.0
#include "model/engine/event_queue.h"

#include <algorithm>
#include <bit>

namespace iodrome {

void EventQueue::Stack::grow(std::size_t room) {
  constexpr std::size_t kGuards = kAhead + 1;
  const std::size_t used = size();
  auto larger = std::make_unique<Entry[]>(kGuards + room);
  std::fill_n(larger.get(), kGuards, Entry{std::numeric_limits<std::uint64_t>::max(), nullptr});
  std::copy(first_, end_, larger.get() + kGuards);
  entries_ = std::move(larger);
  first_ = entries_.get() + kGuards;
  end_ = first_ + used;
  limit_ = first_ + room;
}

void EventQueue::push_above(const Entry& entry) {
  if (entry.time >= top_start_) {
    if (bottom_.empty()) return push_first(entry);
    top_min_ = entry.time < top_min_ ? entry.time : top_min_;
    top_max_ = entry.time > top_max_ ? entry.time : top_max_;
    return append(top_, entry);
  }
  for (std::size_t i = 0; i < rung_count_; ++i)
    if (entry.time >= rungs_[i].next_start) return put(rungs_[i], entry);
  push_bottom(entry);
}

// The queue was empty: everything not earlier than this event belongs to top_.
void EventQueue::push_first(const Entry& entry) {
  top_start_ = entry.time;
  rung_count_ = 0;
  *bottom_.extend() = entry;
}

void EventQueue::add_block(Bucket& bucket) {
  auto* const block = static_cast<Block*>(pool_.take(sizeof(Block)));
  if (bucket.last == nullptr) {
    block->next = block;
  } else {
    block->next = bucket.last->next;
    bucket.last->next = block;
  }
  bucket.last = block;
  bucket.used = 0;
}

// Hands every entry on, oldest first; each block returns to the pool as soon as it has been read.
template <class Take>
void EventQueue::empty_out(Bucket& bucket, Take take) {
  if (bucket.last == nullptr) return;
  Block* const last = bucket.last;
  const std::uint32_t used_in_last = bucket.used;
  bucket = Bucket{};
  for (Block* block = last->next;;) {
    Block* const next = block->next;
    const std::uint32_t used = block == last ? used_in_last : kBlock;
    for (std::uint32_t i = 0; i < used; ++i) take(block->entries[i]);
    pool_.give(block, sizeof(Block));
    if (block == last) return;
    block = next;
  }
}

void EventQueue::clear() {
  const auto forget = [](const Entry&) {};
  for (std::size_t i = 0; i < rung_count_; ++i)
    for (std::size_t k = rungs_[i].next; k < rungs_[i].count; ++k)
      empty_out(rungs_[i].buckets[k], forget);
  empty_out(top_, forget);
  bottom_.clear();
  rung_count_ = 0;
  size_ = 0;
  top_start_ = 0;
  top_min_ = std::numeric_limits<std::uint64_t>::max();
  top_max_ = 0;
}

void EventQueue::open(Rung& rung, std::uint64_t first, std::uint64_t last, std::size_t count) {
  // Few events: one or two a bucket, cheap to sort. Many: full blocks, for what costs then is
  // memory.
  const std::size_t per_bucket = count < 32768 ? 1 : 16;
  rung.start = first;
  rung.shift = std::bit_width((last - first) / (count / per_bucket + 1));
  rung.next = 0;
  rung.next_start = first;
  rung.count = static_cast<std::size_t>((last - first) >> rung.shift) + 1;
  if (rung.buckets.size() < rung.count) rung.buckets.resize(rung.count);
}

void EventQueue::refill() {
  for (;;) {
    if (rung_count_ == 0) {
      if (top_.count <= kSmall) {
        top_start_ = top_max_;
        top_min_ = std::numeric_limits<std::uint64_t>::max();
        top_max_ = 0;
        return sort_into_bottom(top_);
      }
      spill_top();
    }
    if (take_bucket(rungs_[rung_count_ - 1])) return;
  }
}

void EventQueue::spill_top() {
  Rung& rung = rungs_[0];
  open(rung, top_min_, top_max_, top_.count);
  empty_out(top_, [&](const Entry& entry) { put(rung, entry); });
  top_start_ = rung.end();
  top_min_ = std::numeric_limits<std::uint64_t>::max();
  top_max_ = 0;
  rung_count_ = 1;
}

// Moves the rung's next bucket down, to a finer rung or to bottom_. True once bottom_ holds events.
bool EventQueue::take_bucket(Rung& rung) {
  while (rung.next < rung.count && rung.buckets[rung.next].last == nullptr) ++rung.next;
  if (rung.next == rung.count) {
    --rung_count_;
    return false;
  }
  Bucket& bucket = rung.buckets[rung.next];
  rung.next_start = rung.start + (static_cast<std::uint64_t>(rung.next) << rung.shift);
  if (bucket.count > kSmall && rung.shift == 0) {
    take_front(bucket);
    return true;
  }
  const std::uint64_t first = rung.next_start;
  ++rung.next;
  rung.next_start += std::uint64_t{1} << rung.shift;
  if (bucket.count <= kSmall || rung_count_ == kRungs) {
    sort_into_bottom(bucket);
    return true;
  }
  Rung& finer = rungs_[rung_count_];
  open(finer, first, rung.next_start - 1, bucket.count);
  empty_out(bucket, [&](const Entry& entry) { put(finer, entry); });
  ++rung_count_;
  return false;
}

// A handful is sorted by rank: each entry's place is the number of entries that leave after it.
// That takes more comparisons than insertion, but no branch that the processor would have to guess.
void EventQueue::sort_into_bottom(Bucket& bucket) {
  const std::uint32_t count = bucket.count;
  if (count > kRanked)
    return empty_out(bucket, [&](const Entry& entry) { insert_into_bottom(entry); });
  Entry entries[kRanked];
  Entry* end = entries;
  empty_out(bucket, [&](const Entry& entry) { *end++ = entry; });
  Entry* const sorted = bottom_.resize(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    std::uint32_t place = 0;
    for (std::uint32_t k = 0; k < i; ++k) place += entries[k].time > entries[i].time;
    for (std::uint32_t k = i + 1; k < count; ++k) place += entries[k].time >= entries[i].time;
    sorted[place] = entries[i];
  }
}

// Of a crowd at one instant only the first few come down: were it all here, every earlier event
// pushed from now on would send it back up.
void EventQueue::take_front(Bucket& bucket) {
  constexpr std::uint32_t kBlocks = kSmall / kBlock;
  bottom_.resize(kBlocks * kBlock);
  Entry* place = bottom_.end();
  for (std::uint32_t i = 0; i < kBlocks; ++i) {
    Block* const block = bucket.last->next;
    for (const Entry& entry : block->entries) *--place = entry;
    bucket.last->next = block->next;
    pool_.give(block, sizeof(Block));
  }
  bucket.count -= kBlocks * kBlock;
}

// A crowded bottom_ becomes the finest rung. One instant cannot be split: it stays, and later
// events of that instant queue up behind it instead of being sorted in one by one.
void EventQueue::spill_bottom() {
  if (rung_count_ == kRungs) return;
  const std::uint64_t last = bottom_.begin()->time;
  const std::uint64_t first = bottom_.back().time;
  const bool one_instant = first == last;
  if (rung_count_ == 0) top_start_ = std::min(top_start_, one_instant ? last : last + 1);
  const std::uint64_t limit = rung_count_ != 0 ? rungs_[rung_count_ - 1].next_start : top_start_;
  if (one_instant && limit == first) return;
  Rung& rung = rungs_[rung_count_];
  // What lies above may already begin at `last` itself, with events pushed after those here.
  open(rung, first, std::max(limit - 1, last), bottom_.size());
  ++rung_count_;
  if (one_instant) return;
  for (const Entry* entry = bottom_.end(); entry != bottom_.begin();) put(rung, *--entry);
  bottom_.clear();
  refill();
}

}  // namespace iodrome
