// SPDX-License-Identifier: Apache-2.0
// The fair class of one CPU: whoever has had the least CPU time, weighted by nice, is next.
//
// Invariants
//  1. The running thread is not in the tree; its weight counts while it runs.
//  2. min_vruntime never falls.
#pragma once
#include "model/kernel/cpu/sched_entity.h"

namespace iodrome::kernel {

struct SchedulerParams;

/// SCHED_OTHER threads that wait for a CPU, by virtual runtime.
///
/// Order: least vruntime first; ties in the order of queueing.
/// Source: Linux Documentation/scheduler/sched-design-CFS.rst; kernel/sched/fair.c up to 6.5.
/// Differs from Linux: no groups, no buddies, no load tracking; since 6.6 Linux picks by deadline.
class FairQueue {
 public:
  bool empty() const { return tree_.empty(); }
  std::int64_t min_vruntime() const { return min_vruntime_; }
  std::int64_t waiting() const { return static_cast<std::int64_t>(waiting_); }
  const SchedEntity* first() const { return tree_.empty() ? nullptr : &*tree_.begin(); }

  void push(SchedEntity& entity) {
    tree_.insert(entity);
    weight_ += entity.weight;
    ++waiting_;
  }
  SchedEntity& take_first();
  /// The first one in order that passes, taken out, or nullptr.
  template <class Pass>
  SchedEntity* take_if(Pass pass) {
    for (SchedEntity& entity : tree_) {
      if (!pass(entity)) continue;
      remove(entity);
      return &entity;
    }
    return nullptr;
  }
  void remove(SchedEntity& entity);
  void clear();

  /// Gives a thread its virtual time here: one that is new begins a slice late, one that slept at
  /// most half the latency early. `current` runs in this class, or nobody does.
  void place(SchedEntity& entity, const SchedEntity* current, const SchedulerParams& params) const;
  /// The running thread has had the CPU until `now`.
  void update_current(SchedEntity& current, SimTime now);
  /// Whether the running thread, at a tick, has had its share.
  bool tick_preempts(const SchedEntity& current, const SchedulerParams& params) const;
  /// Whether a woken thread is so far behind the running one that it takes the CPU.
  static bool wakeup_preempts(const SchedEntity& woken, const SchedEntity& current,
                              const SchedulerParams& params);

 private:
  struct Before {
    bool operator()(const SchedEntity& a, const SchedEntity& b) const {
      return a.vruntime < b.vruntime;
    }
  };
  boost::intrusive::multiset<SchedEntity, boost::intrusive::base_hook<FairHook>,
                             boost::intrusive::compare<Before>,
                             boost::intrusive::constant_time_size<false>>
      tree_;
  std::size_t waiting_ = 0;
  std::int64_t weight_ = 0;  // of those in the tree
  std::int64_t min_vruntime_ = 0;
};

/// A stretch of CPU time in the virtual time of a weight.
inline std::int64_t virtual_time(Duration ran, std::int64_t weight) {
  if (weight == kNiceZeroWeight) [[likely]]
    return to_ps(ran);
  return to_ps(ran) * kNiceZeroWeight / weight;
}

}  // namespace iodrome::kernel
