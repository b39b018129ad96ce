// SPDX-License-Identifier: Apache-2.0
// The pending events of a timeline: a ladder queue (Tang, Goh, Thng, TOMACS 2005) that keeps FIFO
// order among equal times and short-cuts the small sets that I/O models hold.
//
// Invariants
//  1. bottom_ is sorted, latest first; among equal times the one pushed first is nearer the back.
//  2. No event of bottom_ is later than one of the rungs, nor one of those later than one of top_.
//  3. While anything is pending, bottom_ is not empty: the head is always at hand.
//  4. Of two events of one time, the one pushed first is in the container that is emptied first, or
//     before the other in the same one.
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "model/engine/frame_pool.h"

namespace iodrome {

/// Something that happens. It lives in the frame or object that waits, so scheduling allocates
/// nothing.
struct Event {
  using Fire = void (*)(Event*);
  Fire fire = nullptr;
};

/// Orders events by time, FIFO among equal times. Amortised O(1) at any size.
///
/// Units: picoseconds, 0 … 2^63 - 1. Inside they are unsigned, so that the end of a bucket never
/// overflows.
class EventQueue {
 public:
  EventQueue() = default;
  EventQueue(const EventQueue&) = delete;
  EventQueue& operator=(const EventQueue&) = delete;
  ~EventQueue() { clear(); }

  bool empty() const { return bottom_.empty(); }
  std::size_t size() const { return size_; }

  /// Whether an event is due before `time_ps`.
  bool due_before(std::int64_t time_ps) const {
    return bottom_.back().time < static_cast<std::uint64_t>(time_ps);
  }
  /// Whether an event is due at `time_ps` or before.
  bool due_by(std::int64_t time_ps) const {
    return bottom_.back().time <= static_cast<std::uint64_t>(time_ps);
  }
  /// Time of the next event in ps. The queue must not be empty.
  std::int64_t head_time() const { return static_cast<std::int64_t>(bottom_.back().time); }

  void push(std::int64_t time_ps, Event* event) {
    const Entry entry{static_cast<std::uint64_t>(time_ps), event};
    ++size_;
    if (entry.time < top_start_ && rung_count_ == 0) [[likely]]
      return push_bottom(entry);
    push_above(entry);
  }

  /// Takes the next event off.
  Event* pop() {
    Event* event = bottom_.back().event;
    bottom_.pop_back();
    --size_;
    if (bottom_.empty()) {
      if (size_ != 0) return refill(), event;
      top_start_ = 0;
      rung_count_ = 0;
    }
    // With many pending tasks the frame of a later event is cold: fetch it while this one runs.
    __builtin_prefetch(bottom_.end()[-1 - static_cast<int>(kAhead)].event);
    return event;
  }

  /// Forgets every event.
  void clear();

 private:
  struct Entry {
    std::uint64_t time;
    Event* event;
  };
  static constexpr std::size_t kAhead = 3;  // how far ahead a frame is fetched

  // A stack with guards under it, later than any event: who looks below the last one meets them.
  class Stack {
   public:
    Stack() { grow(kRoom); }
    bool empty() const { return end_ == first_; }
    std::size_t size() const { return static_cast<std::size_t>(end_ - first_); }
    Entry* begin() { return first_; }
    Entry* end() { return end_; }
    const Entry& back() const { return end_[-1]; }
    void pop_back() { --end_; }
    void clear() { end_ = first_; }
    /// Room for one more entry, whose value is the caller's to write.
    Entry* extend() {
      if (end_ == limit_) [[unlikely]]
        grow(2 * size());
      return end_++;
    }
    /// Room for `count` entries, all to be written.
    Entry* resize(std::size_t count) {
      if (static_cast<std::size_t>(limit_ - first_) < count) grow(count);
      end_ = first_ + count;
      return first_;
    }

   private:
    static constexpr std::size_t kRoom = 128;
    void grow(std::size_t room);
    std::unique_ptr<Entry[]> entries_;
    Entry* first_ = nullptr;
    Entry* end_ = nullptr;
    Entry* limit_ = nullptr;
  };

  // An unsorted FIFO of entries in blocks of two cache lines: it grows without copying and wastes
  // little.
  static constexpr std::uint32_t kBlock = 7;
  struct Block {
    Entry entries[kBlock];
    Block* next;
  };
  struct Bucket {
    Block* last = nullptr;   // its `next` is the first
    std::uint32_t used = 0;  // entries in the last block
    std::uint32_t count = 0;
  };
  struct Rung {
    std::vector<Bucket> buckets;
    std::uint64_t start = 0;
    std::uint64_t next_start = 0;  // where the first bucket not yet taken begins
    int shift = 0;                 // a bucket spans 2^shift ps
    std::size_t next = 0;
    std::size_t count = 0;
    std::uint64_t end() const { return start + (static_cast<std::uint64_t>(count) << shift); }
  };
  static constexpr std::uint32_t kRanked = 12;   // sorted by rank up to here
  static constexpr std::uint32_t kSmall = 48;    // sorted by insertion up to here
  static constexpr std::size_t kBottomMax = 96;  // beyond it bottom_ spills into a rung
  static constexpr std::size_t kRungs = 16;      // each divides a bucket by 32 or more: 13 would do

  void push_above(const Entry& entry);
  void push_first(const Entry& entry);
  void push_bottom(const Entry& entry) {
    insert_into_bottom(entry);
    if (bottom_.size() > kBottomMax) [[unlikely]]
      spill_bottom();
  }
  void insert_into_bottom(const Entry& entry) {
    Entry* place = bottom_.extend();
    for (; place[-1].time <= entry.time; --place) *place = place[-1];
    *place = entry;
  }
  void refill();
  void spill_top();
  void spill_bottom();
  bool take_bucket(Rung& rung);
  void sort_into_bottom(Bucket& bucket);
  void take_front(Bucket& bucket);
  void append(Bucket& bucket, const Entry& entry) {
    if (bucket.last == nullptr || bucket.used == kBlock) [[unlikely]]
      add_block(bucket);
    bucket.last->entries[bucket.used++] = entry;
    ++bucket.count;
  }
  void add_block(Bucket& bucket);
  template <class Take>
  void empty_out(Bucket& bucket, Take take);
  static void open(Rung& rung, std::uint64_t first, std::uint64_t last, std::size_t count);
  void put(Rung& rung, const Entry& entry) {
    append(rung.buckets[static_cast<std::size_t>((entry.time - rung.start) >> rung.shift)], entry);
  }

  FramePool& pool_ = FramePool::here();
  Stack bottom_;
  Bucket top_;
  std::uint64_t top_start_ = 0;
  std::uint64_t top_min_ = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t top_max_ = 0;
  std::size_t size_ = 0;
  std::size_t rung_count_ = 0;
  Rung rungs_[kRungs];
};

}  // namespace iodrome
