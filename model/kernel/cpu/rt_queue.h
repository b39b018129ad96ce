// SPDX-License-Identifier: Apache-2.0
// The real-time class of one CPU: strict priorities, first in first out within one.
#pragma once
#include "model/kernel/cpu/sched_entity.h"

namespace iodrome::kernel {

/// SCHED_FIFO threads that wait for a CPU.
///
/// Order: highest priority first; within one the head first.
/// Source: sched(7); Linux Documentation/scheduler/sched-rt-group.rst for what is left out: no
/// throttling.
class RtQueue {
 public:
  bool empty() const { return waiting_ == 0; }
  /// The highest priority that waits, or 0.
  int top() const { return top_; }

  /// A woken or yielding thread goes behind its equals.
  void push_back(SchedEntity& entity) {
    list_of(entity).push_back(entity);
    note_added(entity);
  }
  /// A preempted one stays before them.
  void push_front(SchedEntity& entity) {
    list_of(entity).push_front(entity);
    note_added(entity);
  }
  SchedEntity& take_first() {
    SchedEntity& first = lists_[static_cast<std::size_t>(top_)].front();
    remove(first);
    return first;
  }
  void remove(SchedEntity& entity) {
    List& list = list_of(entity);
    list.erase(list.iterator_to(entity));
    --waiting_;
    while (top_ > 0 && lists_[static_cast<std::size_t>(top_)].empty()) --top_;
  }
  void clear() {
    for (List& list : lists_) list.clear();
    waiting_ = 0;
    top_ = 0;
  }

 private:
  using List = boost::intrusive::list<SchedEntity, boost::intrusive::base_hook<RtHook>,
                                      boost::intrusive::constant_time_size<false>>;
  List& list_of(const SchedEntity& entity) {
    return lists_[static_cast<std::size_t>(entity.rt_priority)];
  }
  void note_added(const SchedEntity& entity) {
    ++waiting_;
    if (entity.rt_priority > top_) top_ = entity.rt_priority;
  }

  std::array<List, kMaxRtPriority + 1> lists_;
  std::size_t waiting_ = 0;
  int top_ = 0;
};

}  // namespace iodrome::kernel
