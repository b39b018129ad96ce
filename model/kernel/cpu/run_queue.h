// SPDX-License-Identifier: Apache-2.0
// The threads of one CPU that wait for it, by scheduling class: real time above fair.
#pragma once
#include "model/kernel/cpu/fair_queue.h"
#include "model/kernel/cpu/rt_queue.h"
#include "model/kernel/cpu/thread.h"

namespace iodrome::kernel {

/// How a thread comes to wait.
enum class Arrival : std::uint8_t { woken, preempted, yielded };

/// `current` is the thread that has the CPU, or nullptr; it is in no queue.
class RunQueue {
 public:
  bool empty() const { return rt_.empty() && fair_.empty(); }
  std::int64_t fair_waiting() const { return fair_.waiting(); }

  void push(Thread& thread, Arrival how) {
    if (thread.policy == SchedPolicy::normal) return fair_.push(thread);
    how == Arrival::preempted ? rt_.push_front(thread) : rt_.push_back(thread);
  }
  /// The one to run next. There must be one.
  Thread& take_next() {
    return static_cast<Thread&>(rt_.empty() ? fair_.take_first() : rt_.take_first());
  }
  /// The fair thread that would run first of those that pass, taken out, or nullptr.
  template <class Pass>
  Thread* take_fair_if(Pass pass) {
    return static_cast<Thread*>(
        fair_.take_if([&pass](SchedEntity& entity) { return pass(static_cast<Thread&>(entity)); }));
  }
  void remove(Thread& thread) {
    if (thread.policy == SchedPolicy::normal) return fair_.remove(thread);
    rt_.remove(thread);
  }
  void clear() {
    rt_.clear();
    fair_.clear();
  }

  /// Before a thread that is new, or slept, is pushed or picked here.
  void place(Thread& thread, const Thread* current, const SchedulerParams& params) const {
    if (thread.policy != SchedPolicy::normal) return;
    const bool fair_runs = current != nullptr && current->policy == SchedPolicy::normal;
    fair_.place(thread, fair_runs ? current : nullptr, params);
  }
  /// Virtual time is told from this queue's own: a thread that moves takes its distance with it.
  std::int64_t virtual_clock() const { return fair_.min_vruntime(); }

  /// Whether somebody who waits comes before the running thread, were that to wait like this too.
  bool beats(const Thread& current, Arrival how) const {
    if (current.policy == SchedPolicy::fifo)
      return rt_.top() > current.rt_priority ||
             (how == Arrival::yielded && rt_.top() == current.rt_priority);
    return !rt_.empty() || (!fair_.empty() && fair_.first()->vruntime <= current.vruntime);
  }

  void update_current(Thread& current, SimTime now) {
    if (current.policy == SchedPolicy::normal) fair_.update_current(current, now);
  }
  bool tick_preempts(const Thread& current, const SchedulerParams& params) const {
    return current.policy == SchedPolicy::normal && fair_.tick_preempts(current, params);
  }
  static bool wakeup_preempts(const Thread& woken, const Thread& current,
                              const SchedulerParams& params) {
    if (woken.policy == SchedPolicy::normal)
      return current.policy == SchedPolicy::normal &&
             FairQueue::wakeup_preempts(woken, current, params);
    return current.policy == SchedPolicy::normal || woken.rt_priority > current.rt_priority;
  }

 private:
  RtQueue rt_;
  FairQueue fair_;
};

}  // namespace iodrome::kernel
