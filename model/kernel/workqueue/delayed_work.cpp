// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/workqueue/delayed_work.h"

namespace iodrome::kernel::wq {

// --- the timer ----------------------------------------------------------------------------------

void DelayedWork::arm(Atomic& ctx, Workqueue& on, Duration delay) {
  queue_ = &on;
  cpu_ = &ctx.cpu();
  pending_ = true;
  timer_.arm(ctx.system(), ctx.now() + delay);
}

void DelayedWork::stop_timer() {
  timer_.cancel();
  due_ = false;
}

void DelayedWork::expired(void* self) {
  DelayedWork& work = *static_cast<DelayedWork*>(self);
  work.due_ = true;
  if (std::exchange(work.scheduled_, true)) return;  // left over from a timer that was stopped
  work.cpu_->schedule_tasklet(work.expiry_);
}

// Once the item stands in the pool it may run, and its life may end.
Task<void> DelayedWork::Expiry::handle(Atomic& ctx) {
  work.scheduled_ = false;
  ++work.handling_;
  co_await ctx.spend(ctx.costs().queue_work);
  --work.handling_;
  if (!work.cancellers_.empty()) co_await work.cancellers_.wake_all(ctx);
  if (!std::exchange(work.due_, false)) co_return;
  WorkerPool* const pool = work.queue_->queue_expired(ctx, work);
  if (pool != nullptr) co_await pool->kick(ctx);
}

// --- queueing -----------------------------------------------------------------------------------

Task<bool> Workqueue::queue_delayed(Atomic& ctx, DelayedWork& work, Duration delay) {
  if (delay == Duration{0}) return queue(ctx, work);
  if (work.pending_ || work.cancels_ != 0) return Task<bool>::ready(false);
  work.arm(ctx, *this, delay);
  return Task<bool>::ready(true);
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
  while (!work.quiet()) co_await work.cancellers_.wait(ctx, "delayed_work", events::Stage::queue);
  co_return was_pending;
}

}  // namespace iodrome::kernel::wq
