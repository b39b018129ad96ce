// SPDX-License-Identifier: Apache-2.0
// The life of an item: carried out by a worker, waited for, taken back.
#include "model/kernel/workqueue/work.h"

#include "model/events/workqueue.h"
#include "model/kernel/workqueue/workqueue.h"

namespace iodrome::kernel::wq {

Work::~Work() {
  if (runs_on_ != nullptr) runs_on_->forget_current();
}

// --- carried out --------------------------------------------------------------------------------

Worker::~Worker() {
  forget_current();
}

// The item's life may have ended in its run.
void Worker::forget_current() {
  if (current_ != nullptr) current_->runs_on_ = nullptr;
  current_ = nullptr;
}

void Worker::assign(Work& work) {
  Worker& to = work.runs_on_ != nullptr ? *work.runs_on_ : *this;
  to.scheduled_.push_back(work);
}

Task<void> Worker::process_scheduled(Sleepable& ctx) {
  while (!scheduled_.empty()) {
    Work& work = scheduled_.front();
    scheduled_.pop_front();
    co_await process_one(ctx, work);
  }
}

void Worker::begin(Work& work) {
  current_ = &work;
  current_share_ = std::exchange(work.pwq_, nullptr);
  work.runs_on_ = this;
  work.pending_ = false;
  barriers_.splice(barriers_.end(), work.barriers_);
}

Task<void> Worker::process_one(Sleepable& ctx, Work& work) {
  const std::uint64_t id = work.id;
  const std::uint64_t color = work.color_;
  begin(work);
  PoolWorkqueue& pwq = *current_share_;
  if (pwq.queue.flags().cpu_intensive) count_as_running(false);
  co_await pwq.pool.kick(ctx);
  co_await ctx.spend(ctx.costs().worker_pick);
  ctx.emit(events::WorkqueueExecuteStart{ctx.thread().id, id});
  co_await work.run(ctx);
  ctx.emit(events::WorkqueueExecuteEnd{ctx.thread().id, id});
  co_await ctx.cond_resched();
  if (pwq.queue.flags().cpu_intensive) count_as_running(true);
  forget_current();
  current_share_ = nullptr;
  pwq.leave(ctx, true);
  List<Barrier> over;
  over.splice(over.end(), barriers_);
  co_await release(ctx, over);
  co_await pwq.queue.ended(ctx, color);
}

// A waiter may go as soon as it is told, so nothing of it is touched afterwards.
Task<void> release(Atomic& ctx, List<Barrier>& barriers) {
  while (!barriers.empty()) {
    co_await ctx.spend(ctx.costs().try_to_wake_up);
    Barrier& barrier = barriers.front();
    barriers.pop_front();
    barrier.over = true;
    co_await wake_up(ctx, barrier.thread);
  }
}

// --- waited for and taken back ------------------------------------------------------------------

namespace {

Task<void> wait_behind(Sleepable& ctx, List<Barrier>& run) {
  Barrier barrier(ctx.thread());
  run.push_back(barrier);
  while (!barrier.over) co_await ctx.block("flush_work", events::Stage::queue);
}

}  // namespace

Task<bool> flush_work(Sleepable& ctx, Work& work) {
  Worker* const worker = work.runs_on_;
  check(worker == nullptr || &worker->thread() != &ctx.thread(), "an item waits for its own end");
  if (work.pwq_ == nullptr && worker == nullptr) co_return false;
  List<Barrier>& run = work.pwq_ != nullptr ? work.barriers_ : worker->barriers_;
  co_await wait_behind(ctx, run);
  co_return true;
}

// Takes a pending item off its list or its timer, without sleeping.
Task<bool> grab_pending(Atomic& ctx, Work& work) {
  if (!std::exchange(work.pending_, false)) co_return false;
  const bool on_timer = work.stop_timer();
  if (work.pwq_ == nullptr) {
    if (on_timer) co_await ctx.spend(ctx.costs().timer_del);
    co_return true;
  }
  PoolWorkqueue& pwq = *std::exchange(work.pwq_, nullptr);
  const std::uint64_t color = work.color_;
  work.unlink();
  pwq.leave(ctx, work.active_);
  List<Barrier> over;
  over.splice(over.end(), work.barriers_);
  co_await release(ctx, over);
  co_await pwq.queue.ended(ctx, color);
  co_await pwq.pool.kick(ctx);
  co_return true;
}

Task<bool> cancel_work_sync(Sleepable& ctx, Work& work) {
  check(work.runs_on_ == nullptr || &work.runs_on_->thread() != &ctx.thread(),
        "an item waits for its own end");
  ++work.cancels_;
  const bool was_pending = co_await grab_pending(ctx, work);
  while (work.runs_on_ != nullptr) co_await wait_behind(ctx, work.runs_on_->barriers_);
  --work.cancels_;
  co_return was_pending;
}

}  // namespace iodrome::kernel::wq
