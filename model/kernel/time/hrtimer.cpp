// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/time/hrtimer.h"

#include <algorithm>

#include "model/kernel/time/cpu_timers.h"

namespace iodrome::kernel {

namespace {

// Linux kernel/time/hrtimer.c, hrtimer_interrupt(): rounds before it gives up, and the longest time
// for which it does.
constexpr int kRounds = 3;
constexpr Duration kLongestHang = 100ms;

}  // namespace

// --- a timer ------------------------------------------------------------------------------------

HrTimer::~HrTimer() {
  if (running_) base_->running_ = nullptr;
  if (!queued()) return;
  unlink();
  base_->program();
}

Task<bool> HrTimer::start(Atomic& ctx, SimTime expires, Duration slack) {
  HrTimerBase* const left = queued() ? base_ : nullptr;
  if (left != nullptr) unlink();
  if (!running_) base_ = &CpuTimers::of(ctx.cpu()).hrtimers;
  soft_ = expires;
  hard_ = later(expires, slack);
  base_->queue_.insert(*this);
  if (left != nullptr && left != base_) left->program();
  const bool programs = base_->program();
  // From here on it may expire, and be gone.
  co_await ctx.spend(ctx.costs().hrtimer_start);
  if (programs) co_await ctx.spend(ctx.costs().clock_event);
  co_return left != nullptr;
}

Task<int> HrTimer::try_to_cancel(Atomic& ctx) {
  if (running_) co_return -1;
  if (!queued()) co_return 0;
  unlink();
  const bool programs = base_->program();
  co_await ctx.spend(ctx.costs().hrtimer_cancel);
  if (programs) co_await ctx.spend(ctx.costs().clock_event);
  co_return 1;
}

Task<bool> HrTimer::cancel(Atomic& ctx) {
  for (;;) {
    const int cancelled = co_await try_to_cancel(ctx);
    if (cancelled >= 0) co_return cancelled != 0;
    check(&base_->cpu_ != &ctx.cpu(), "a CPU waits for the end of a timer's function it runs");
    co_await base_->spinners_.spin(ctx);
  }
}

std::uint64_t HrTimer::forward(SimTime now, Duration interval) {
  check(!queued(), "a queued timer is forwarded");
  check(interval > Duration{0}, "a timer is forwarded by nothing");
  if (now < soft_) return 0;
  const std::int64_t overruns = (now - soft_) / interval + 1;
  soft_ += interval * overruns;
  hard_ += interval * overruns;
  return static_cast<std::uint64_t>(overruns);
}

// --- the timers of a CPU ------------------------------------------------------------------------

HrTimerBase::HrTimerBase(Cpu& cpu, CpuTimers& timers)
    : cpu_(cpu), timers_(timers), device_(cpu.timeline(), &HrTimerBase::due, this) {
  vector = kLocalTimerVector;
}

void HrTimerBase::due(void* self) {
  auto& base = *static_cast<HrTimerBase*>(self);
  base.cpu_.raise_irq(base);
}

// Sets the device to the first timer. True if a CPU has to write its register for that: it stands
// at the tick already where that comes first.
bool HrTimerBase::program() {
  if (!cpu_.system().timer_params.high_resolution) {
    timers_.program_tick();
    return false;
  }
  if (in_interrupt_ || hung_) return false;
  const SimTime before = device_.programmed();
  const SimTime next = next_expiry();
  device_.program(next);
  return next != before && std::min(next, before) < cpu_.next_tick();
}

Task<void> HrTimerBase::handle(Atomic& ctx) {
  in_interrupt_ = true;
  hung_ = false;
  const SimTime entered = ctx.now();
  for (int round = 0;; ++round) {
    co_await run_expired(ctx, ctx.now());
    co_await ctx.spend(ctx.costs().clock_event);
    if (next_expiry() > ctx.now()) break;
    if (round + 1 < kRounds) continue;
    hung_ = true;
    ++hangs_;
    break;
  }
  in_interrupt_ = false;
  if (hung_)
    device_.program(ctx.now() + std::min(ctx.now() - entered, kLongestHang));
  else
    program();
}

Task<void> HrTimerBase::run_queues(Atomic& ctx) {
  return run_expired(ctx, ctx.now());
}

Task<void> HrTimerBase::run_expired(Atomic& ctx, SimTime now) {
  while (!queue_.empty() && queue_.begin()->soft_ <= now) co_await run(ctx, *queue_.begin());
}

Task<void> HrTimerBase::run(Atomic& ctx, HrTimer& timer) {
  timer.unlink();
  running_ = &timer;
  timer.running_ = true;
  co_await ctx.spend(ctx.costs().hrtimer_expire);
  if (running_ == nullptr) co_return;  // destroyed meanwhile
  const HrRestart restart = co_await timer.function_(ctx, timer);
  spinners_.release(cpu_.timeline());
  if (running_ == nullptr) co_return;
  std::exchange(running_, nullptr)->running_ = false;
  if (restart == HrRestart::no || timer.queued()) co_return;
  queue_.insert(timer);
  program();
}

}  // namespace iodrome::kernel
