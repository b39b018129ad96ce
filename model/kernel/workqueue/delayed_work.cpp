// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/workqueue/delayed_work.h"

namespace iodrome::kernel::wq {

// --- the timer ----------------------------------------------------------------------------------

Task<bool> DelayedWork::arm(Atomic& ctx, Workqueue& on, Duration delay) {
  queue_ = &on;
  pending_ = true;
  return timer_.mod_after(ctx, delay);
}

bool DelayedWork::stop_timer() {
  due_ = false;
  return timer_.detach();
}

// Once the item stands in the pool it may run, and its life may end. Between the timer's end and
// this call the item may have been cancelled, queued without delay, or delayed anew.
Task<void> DelayedWork::expired(Atomic& ctx, Timer& timer) {
  DelayedWork& work = static_cast<ItemTimer&>(timer).work;
  if (!work.pending_ || work.pwq_ != nullptr || timer.pending()) co_return;
  work.due_ = true;
  ++work.handling_;
  co_await ctx.spend(ctx.costs().queue_work);
  --work.handling_;
  if (!std::exchange(work.due_, false)) {
    co_await work.cancellers_.wake_all(ctx);
    co_return;
  }
  WorkerPool* const pool = work.queue_->queue_expired(ctx, work);
  if (pool != nullptr) co_await pool->kick(ctx);
}

// --- queueing -----------------------------------------------------------------------------------

Task<bool> Workqueue::queue_delayed(Atomic& ctx, DelayedWork& work, Duration delay) {
  if (delay == Duration{0}) {
    const bool queued = co_await queue(ctx, work);
    co_return queued;
  }
  if (work.pending_ || work.cancels_ != 0) co_return false;
  co_await work.arm(ctx, *this, delay);
  co_return true;
}

Task<bool> Workqueue::mod_delayed(Atomic& ctx, DelayedWork& work, Duration delay) {
  if (work.cancels_ != 0) co_return false;
  const bool was_pending = co_await grab_pending(ctx, work);
  co_await queue_delayed(ctx, work, delay);
  co_return was_pending;
}

WorkerPool* Workqueue::queue_expired(Atomic& ctx, DelayedWork& work) {
  if (refuses(ctx)) {
    work.pending_ = false;
    return nullptr;
  }
  PoolWorkqueue& pwq = share_for(ctx, work);
  enqueue(ctx, work, pwq);
  return &pwq.pool;
}

// --- taken back ---------------------------------------------------------------------------------

// The softirq may still hold the item, though it will find nothing to do.
Task<bool> cancel_delayed_work_sync(Sleepable& ctx, DelayedWork& work) {
  const bool was_pending = co_await cancel_work_sync(ctx, work);
  while (work.handling_ != 0)
    co_await work.cancellers_.wait(ctx, "delayed_work", events::Stage::queue);
  co_return was_pending;
}

}  // namespace iodrome::kernel::wq
