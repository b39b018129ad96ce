// SPDX-License-Identifier: Apache-2.0
// Items that are queued when a time has passed.
#pragma once
#include "model/kernel/workqueue/workqueue.h"

namespace iodrome::kernel::wq {

/// An item with a timer; pending from when the timer is set. When it expires, the tasklet softirq
/// of the CPU that set it queues the item.
///
/// It must live until it has run or cancel_delayed_work_sync() has ended.
///
/// Differs from Linux: the softirq is the tasklets', not the timers'; setting the timer is free.
class DelayedWork : public Work {
 public:
  ~DelayedWork() override = default;

 private:
  friend class Workqueue;
  friend Task<bool> cancel_delayed_work_sync(Sleepable& ctx, DelayedWork& work);

  struct Expiry final : IrqAction {
    explicit Expiry(DelayedWork& of) : work(of) {}
    Task<void> handle(Atomic& ctx) override;
    DelayedWork& work;
  };
  static void expired(void* self);
  void arm(Atomic& ctx, Workqueue& on, Duration delay);
  void stop_timer() override;
  bool quiet() const { return !scheduled_ && handling_ == 0; }

  Workqueue* queue_ = nullptr;
  Cpu* cpu_ = nullptr;  // that set the timer
  bool due_ = false;    // the timer has expired, the item is not queued yet
  bool scheduled_ = false;
  std::uint32_t handling_ = 0;
  WaitQueue cancellers_{"delayed_work"};
  Expiry expiry_{*this};
  Timeout timer_{&DelayedWork::expired, this};
};

/// cancel_work_sync() that stops the timer too; true if the item was pending in either way.
Task<bool> cancel_delayed_work_sync(Sleepable& ctx, DelayedWork& work);

}  // namespace iodrome::kernel::wq
