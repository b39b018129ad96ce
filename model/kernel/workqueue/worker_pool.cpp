// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/workqueue/worker_pool.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/kernel/mm/allocation.h"
#include "model/kernel/workqueue/workqueue.h"

namespace iodrome::kernel::wq {

namespace {

// Linux kernel/workqueue.c, MAX_IDLE_WORKERS_RATIO.
constexpr std::size_t kBusyPerIdle = 4;

}  // namespace

// --- a worker of a pool -------------------------------------------------------------------------

// The thread first runs in an event of its own, so its policy can still be set.
PoolWorker::PoolWorker(WorkerPool& pool, std::string name, std::uint32_t cpu, int nice)
    : pool_(pool), thread_(pool.system_, std::move(name), events::CpuClass::kthread, cpu, *this) {
  thread_.thread().pinned = pool.bound_to_ != nullptr;
  thread_.thread().set_nice(nice);
  if (pool.bound_to_ != nullptr) thread_.thread().watchers.push_back(watch_);
}

void PoolWorker::Watch::off_cpu(Thread& thread) {
  if (!worker.counted_ || thread.state != Thread::State::sleeping) return;
  worker.slept_ = true;
  --worker.pool_.running_;
  if (worker.pool_.need_more_worker()) worker.pool_.wake_idle(thread.cpu);
}

void PoolWorker::Watch::on_cpu(Thread&) {
  if (!std::exchange(worker.slept_, false)) return;
  ++worker.pool_.running_;
}

void PoolWorker::count_as_running(bool on) {
  if (pool_.bound_to_ == nullptr || counted_ == on) return;
  counted_ = on;
  if (on)
    ++pool_.running_;
  else
    --pool_.running_;
}

Task<void> PoolWorker::run(Sleepable& ctx) {
  started_ = true;
  while (!dying_) {
    pool_.leave_idle(*this);
    co_await look_for_work(ctx);
    // Wake-ups from before are no news to the next sleep.
    ctx.thread().woken = false;
    pool_.enter_idle(*this);
    co_await pool_.watch_idle(ctx);
    co_await ctx.block("work", events::Stage::queue);
  }
}

Task<void> PoolWorker::look_for_work(Sleepable& ctx) {
  while (pool_.need_to_create_worker()) {
    const bool managed = co_await pool_.manage(ctx);
    if (!managed) break;  // somebody else sees to it
  }
  ctx.thread().woken = false;
  if (!pool_.need_more_worker()) co_return;
  count_as_running(true);
  do {
    Work& work = pool_.items_.front();
    pool_.items_.pop_front();
    assign(work);
    co_await process_scheduled(ctx);
  } while (pool_.keep_working());
  count_as_running(false);
}

// --- the pool -----------------------------------------------------------------------------------

WorkerPool::WorkerPool(System& system, std::string name, const Cpu* bound_to, int nice,
                       const PoolParams& params)
    : system_(system), name_(std::move(name)), bound_to_(bound_to), nice_(nice), params_(params) {
  add_worker(0);
}

WorkerPool::~WorkerPool() = default;

// Unbound, as for any new thread: an idle CPU, if there is one.
std::uint32_t WorkerPool::cpu_for_worker(std::uint32_t manager) const {
  const auto count = static_cast<std::uint32_t>(system_.cpus.size());
  for (std::uint32_t i = 0; i < count; ++i)
    if (system_.cpus[(manager + i) % count]->idle()) return (manager + i) % count;
  return manager;
}

void WorkerPool::add_worker(std::uint32_t cpu) {
  std::erase_if(workers_, [](const auto& each) { return each->thread_.ended(); });
  if (bound_to_ != nullptr) cpu = bound_to_->index();
  std::string name = fmt::format("{}:{}{}", name_, made_++, nice_ < 0 ? "H" : "");
  workers_.push_back(std::make_unique<PoolWorker>(*this, std::move(name), cpu, nice_));
  ++live_;
  enter_idle(*workers_.back());
}

bool WorkerPool::carries_out(Thread& thread, const Workqueue& queue) const {
  return std::any_of(workers_.begin(), workers_.end(), [&](const auto& each) {
    return &each->thread() == &thread && each->current_share() != nullptr &&
           &each->current_share()->queue == &queue;
  });
}

Task<void> WorkerPool::kick(Atomic& ctx) {
  if (!need_more_worker() || idle_.empty()) return Task<void>::ready();
  return then(ctx.spend(ctx.costs().try_to_wake_up), [this, &ctx] {
    const bool interrupts = need_more_worker() && wake_idle(&ctx.cpu());
    return then_done(ctx.spend(ctx.costs().ipi_send, interrupts ? 1 : 0));
  });
}

// One that has not run yet will look by itself.
bool WorkerPool::wake_idle(Cpu* waker) {
  if (idle_.empty() || !idle_.front().started_) return false;
  return wake_up(system_, idle_.front().thread(), waker);
}

// The manager makes the next worker, so that one is there when it goes to sleep over an item.
Task<bool> WorkerPool::manage(Sleepable& ctx) {
  if (managed_) co_return false;
  managed_ = true;
  co_await mayday_timer_.mod_after(ctx, params_.mayday_initial);
  while (need_to_create_worker()) {
    co_await ctx.spend(ctx.costs().thread_create);
    if (!allocation_fails(system_, "worker")) {
      add_worker(cpu_for_worker(ctx.cpu().index()));
      break;
    }
    WaitOptions options;
    options.deadline = ctx.now() + params_.create_cooldown;
    co_await cooldown_.wait_for(ctx, "memory", events::Stage::queue, options);
  }
  co_await mayday_timer_.del_sync(ctx);
  managed_ = false;
  co_return true;
}

Task<void> WorkerPool::mayday(Atomic& ctx, Timer& timer) {
  WorkerPool& pool = static_cast<PoolTimer&>(timer).pool;
  if (pool.need_to_create_worker())
    for (Work& work : pool.items_) work.pwq_->queue.call_rescuer(*work.pwq_, ctx.cpu());
  co_await timer.mod_after(ctx, pool.params_.mayday_interval);
}

// --- idle workers -------------------------------------------------------------------------------

bool WorkerPool::too_many_workers() const {
  const std::size_t idle = idle_.size() + (managed_ ? 1 : 0);
  return idle > 2 && (idle - 2) * kBusyPerIdle >= live_ - idle;
}

void WorkerPool::enter_idle(PoolWorker& worker) {
  worker.idle_since_ = system_.timeline.now();
  idle_.push_front(worker);
}

Task<void> WorkerPool::watch_idle(Atomic& ctx) {
  if (!too_many_workers() || cull_timer_.pending()) co_return;
  co_await cull_timer_.mod_after(ctx, params_.idle_timeout);
}

void WorkerPool::leave_idle(PoolWorker& worker) {
  static_cast<Hook&>(worker).unlink();
  if (!too_many_workers()) cull_timer_.detach();
}

Task<void> WorkerPool::cull(Atomic& ctx, Timer& timer) {
  WorkerPool& pool = static_cast<PoolTimer&>(timer).pool;
  while (pool.too_many_workers() && !pool.idle_.empty()) {
    PoolWorker& oldest = pool.idle_.back();
    const SimTime due = oldest.idle_since_ + pool.params_.idle_timeout;
    if (due > ctx.now()) {
      co_await timer.mod_after(ctx, due - ctx.now());
      co_return;
    }
    pool.idle_.pop_back();
    --pool.live_;
    oldest.dying_ = true;
    if (oldest.started_) wake_up(pool.system_, oldest.thread(), &ctx.cpu());
  }
}

// --- all of them --------------------------------------------------------------------------------

Pools::Pools(System& system, const PoolParams& params) : system_(system) {
  for (const bool highpri : {false, true}) {
    const int nice = highpri ? kHighpriNice : 0;
    for (const auto& cpu : system.cpus)
      bound_[highpri ? 1 : 0].push_back(std::make_unique<WorkerPool>(
          system, fmt::format("kworker/{}", cpu->index()), cpu.get(), nice, params));
    unbound_[highpri ? 1 : 0] =
        std::make_unique<WorkerPool>(system, "kworker/u", nullptr, nice, params);
  }
}

}  // namespace iodrome::kernel::wq
