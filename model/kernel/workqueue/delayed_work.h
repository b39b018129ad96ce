// SPDX-License-Identifier: Apache-2.0
// Items that are queued when a time has passed.
#pragma once
#include "model/kernel/workqueue/workqueue.h"

namespace iodrome::kernel::wq {

/// An item with a timer of the wheel; pending from when the timer is set. When it expires, the
/// timer softirq of the CPU that set it queues the item.
///
/// It must live until it has run or cancel_delayed_work_sync() has ended.
///
/// Differs from Linux: a cancellation sleeps, and does not spin, until that softirq lets go of it.
class DelayedWork : public Work {
 public:
  ~DelayedWork() override = default;

 private:
  friend class Workqueue;
  friend Task<bool> cancel_delayed_work_sync(Sleepable& ctx, DelayedWork& work);

  struct ItemTimer : Timer {
    explicit ItemTimer(DelayedWork& of) : Timer(&DelayedWork::expired), work(of) {}
    DelayedWork& work;
  };
  static Task<void> expired(Atomic& ctx, Timer& timer);
  Task<bool> arm(Atomic& ctx, Workqueue& on, Duration delay);
  bool stop_timer() override;

  Workqueue* queue_ = nullptr;
  bool due_ = false;  // the timer has expired, the item is not queued yet
  std::uint32_t handling_ = 0;
  WaitQueue cancellers_{"delayed_work"};
  ItemTimer timer_{*this};
};

/// cancel_work_sync() that stops the timer too; true if the item was pending in either way.
Task<bool> cancel_delayed_work_sync(Sleepable& ctx, DelayedWork& work);

}  // namespace iodrome::kernel::wq
