// SPDX-License-Identifier: Apache-2.0
// The pending events of a timeline: a ladder queue (Tang, Goh, Thng, TOMACS 2005) that keeps FIFO order
// among equal times and short-cuts the small sets that I/O models hold.
//
// Invariants
//  1. bottom_ is sorted, latest first; among equal times the one pushed first is nearer the back.
//  2. Every event of bottom_ is earlier than every event of the rungs, and those earlier than top_.
//  3. While anything is pending, bottom_ is not empty: the head is always at hand.
//  4. Two events of one time always meet in one container, in the order they were pushed.
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace iodrome {

/// Something that happens. It lives in the frame or object that waits, so scheduling allocates nothing.
struct Event {
  using Fire = void (*)(Event*);
  Fire fire = nullptr;
};

/// Orders events by time, FIFO among equal times. Amortised O(1) at any size.
class EventQueue {
 public:
  bool empty() const { return bottom_.empty(); }
  std::size_t size() const { return size_; }

  /// Time of the next event in ps. The queue must not be empty.
  std::int64_t head_time() const { return bottom_.back().time; }

  void push(std::int64_t time_ps, Event* event) {
    ++size_;
    if (bottom_.empty() || (time_ps < top_start_ && rung_count_ == 0)) return push_bottom(time_ps, event);
    push_far(time_ps, event);
  }

  /// Takes the next event off.
  Event* pop() {
    Event* event = bottom_.back().event;
    bottom_.pop_back();
    --size_;
    if (bottom_.empty()) {
      if (size_ != 0) refill();
    } else if (bottom_.size() > kAhead) {
      // With many pending tasks the frame of a later event is cold: fetch it while this one runs.
      __builtin_prefetch(bottom_[bottom_.size() - 1 - kAhead].event);
    }
    return event;
  }

 private:
  struct Entry {
    std::int64_t time;
    Event* event;
  };
  struct Rung {
    std::vector<std::vector<Entry>> buckets;
    std::int64_t start = 0;
    int shift = 0;  // a bucket spans 2^shift ps
    std::size_t next = 0;
    std::size_t count = 0;
    std::int64_t next_start() const { return start + (static_cast<std::int64_t>(next) << shift); }
  };
  static constexpr std::size_t kSmall = 48;      // sorted by insertion up to here
  static constexpr std::size_t kBottomMax = 96;  // beyond it bottom_ spills into a rung
  static constexpr std::size_t kRungs = 8;
  static constexpr std::size_t kPerBucket = 8;   // events a new rung's bucket holds on average
  static constexpr std::size_t kAhead = 3;       // how far ahead a frame is fetched

  void push_bottom(std::int64_t time_ps, Event* event);
  void push_far(std::int64_t time_ps, Event* event);
  void refill();
  void spill_top();
  void spill_bottom();
  bool take_bucket(Rung& rung);
  void sort_into_bottom(std::vector<Entry>& bucket);
  static void open(Rung& rung, std::int64_t first, std::int64_t last, std::size_t count);
  static void put(Rung& rung, const Entry& entry);

  std::vector<Entry> bottom_;
  std::vector<Entry> top_;
  std::int64_t top_min_ = std::numeric_limits<std::int64_t>::max();
  std::int64_t top_max_ = std::numeric_limits<std::int64_t>::min();
  std::int64_t top_start_ = std::numeric_limits<std::int64_t>::min();
  std::size_t size_ = 0;
  std::size_t rung_count_ = 0;
  Rung rungs_[kRungs];
};

inline void EventQueue::push_bottom(std::int64_t time_ps, Event* event) {
  if (bottom_.empty()) {
    // The queue is empty: everything later than this event belongs to top_.
    top_start_ = time_ps + 1;
    rung_count_ = 0;
    bottom_.push_back({time_ps, event});
    return;
  }
  bottom_.push_back({time_ps, event});
  Entry* const first = bottom_.data();
  Entry* place = first + bottom_.size() - 1;
  for (; place != first && place[-1].time <= time_ps; --place) *place = place[-1];
  *place = {time_ps, event};
  if (bottom_.size() > kBottomMax) spill_bottom();
}

}  // namespace iodrome
