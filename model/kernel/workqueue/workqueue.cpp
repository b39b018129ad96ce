// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/workqueue/workqueue.h"

#include "model/events/workqueue.h"
#include "model/kernel/workqueue/rescuer.h"

namespace iodrome::kernel::wq {

// --- a share of a pool --------------------------------------------------------------------------

void PoolWorkqueue::insert(Atomic& ctx, Work& work) {
  work.pwq_ = this;
  if (active < max_active && inactive.empty()) return activate(ctx, work);
  work.active_ = false;
  inactive.push_back(work);
}

void PoolWorkqueue::activate(Atomic& ctx, Work& work) {
  ++active;
  work.active_ = true;
  ctx.emit(events::WorkqueueActivateWork{ctx.cpu().index(), work.id});
  pool.push(work);
}

void PoolWorkqueue::leave(Atomic& ctx, bool was_active) {
  if (!was_active) return;
  --active;
  if (inactive.empty()) return;
  Work& next = inactive.front();
  inactive.pop_front();
  activate(ctx, next);
}

// --- queueing -----------------------------------------------------------------------------------

Workqueue::Workqueue(Pools& pools, const char* name, WorkqueueFlags flags, std::uint32_t max_active)
    : system_(pools.system()), name_(name), flags_(flags) {
  check(max_active > 0, "a workqueue runs at least one item at a time");
  if (flags.ordered) max_active = 1;
  if (flags.mem_reclaim) rescuer_ = std::make_unique<Rescuer>(system_, name);
  if (flags.unbound || flags.ordered) {
    shares_.emplace_back(*this, pools.unbound(flags.highpri), max_active);
    return;
  }
  for (std::uint32_t cpu = 0; cpu < system_.cpus.size(); ++cpu)
    shares_.emplace_back(*this, pools.bound(cpu, flags.highpri), max_active);
}

Workqueue::~Workqueue() = default;

void Workqueue::call_rescuer(PoolWorkqueue& share, Cpu& caller) {
  if (rescuer_ != nullptr) rescuer_->call(share, caller);
}

Task<bool> Workqueue::queue(Atomic& ctx, Work& work) {
  co_await ctx.spend(ctx.costs().queue_work);
  if (work.pending_ || work.cancels_ != 0 || refuses(ctx)) co_return false;
  PoolWorkqueue& pwq = share_for(ctx, work);
  enqueue(ctx, work, pwq);
  co_await pwq.pool.kick(ctx);
  co_return true;
}

void Workqueue::enqueue(Atomic& ctx, Work& work, PoolWorkqueue& pwq) {
  work.pending_ = true;
  work.color_ = first_color_ + in_flight_.size() - 1;
  ++in_flight_.back();
  ctx.emit(events::WorkqueueQueueWork{ctx.cpu().index(), work.id});
  pwq.insert(ctx, work);
}

// One that runs goes where it runs, so that it does not run twice at a time.
PoolWorkqueue& Workqueue::share_for(Atomic& ctx, const Work& work) {
  if (work.runs_on_ != nullptr) {
    PoolWorkqueue* const there = work.runs_on_->current_share();
    check(&there->queue == this, "an item that runs is queued to another workqueue");
    return *there;
  }
  return shares_.size() == 1 ? shares_.front() : shares_[ctx.cpu().index()];
}

bool Workqueue::refuses(Atomic& ctx) const {
  if (drains_ == 0) return false;
  if (ctx.level() != Level::thread) return true;
  if (rescuer_ != nullptr && ctx.cpu().current() == &rescuer_->thread()) return false;
  for (const PoolWorkqueue& pwq : shares_)
    if (pwq.pool.carries_out(*ctx.cpu().current(), *this)) return false;
  return true;
}

// --- flushing a queue ---------------------------------------------------------------------------

bool Workqueue::retire_colors() {
  bool any = false;
  for (; in_flight_.size() > 1 && in_flight_.front() == 0; any = true) {
    in_flight_.pop_front();
    ++first_color_;
  }
  return any;
}

Task<void> Workqueue::ended(Atomic& ctx, std::uint64_t color) {
  --in_flight_[color - first_color_];
  return retire_colors() ? flushers_.wake_all(ctx) : Task<void>::ready();
}

Task<void> Workqueue::flush(Sleepable& ctx) {
  if (empty()) co_return;
  const std::uint64_t mine = first_color_ + in_flight_.size() - 1;
  in_flight_.push_back(0);
  retire_colors();
  while (first_color_ <= mine)
    co_await flushers_.wait(ctx, "flush_workqueue", events::Stage::queue);
}

Task<void> Workqueue::drain(Sleepable& ctx) {
  ++drains_;
  while (!empty()) co_await flush(ctx);
  --drains_;
}

}  // namespace iodrome::kernel::wq
