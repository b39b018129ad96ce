// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/time/sleep.h"

#include <algorithm>

namespace iodrome::kernel {

SleepTimer::SleepTimer(Thread& sleeper, SleepClock clock) : sleeper_(sleeper), clock_(clock) {}

Task<void> SleepTimer::start(Sleepable& ctx, SimTime at) {
  const System& system = ctx.system();
  if (clock_ == SleepClock::jiffies) {
    const Duration left = std::max(at - ctx.now(), Duration{0});
    co_await start_jiffies(ctx, jiffies(system) + to_jiffies(system, left));
    co_return;
  }
  const bool fair = sleeper_.policy == SchedPolicy::normal;
  co_await hrtimer_.start(ctx, at, fair ? system.timer_params.slack : Duration{0});
}

Task<void> SleepTimer::start_jiffies(Sleepable& ctx, Jiffies at) {
  co_await timer_.mod(ctx, at);
}

Task<void> SleepTimer::stop(Sleepable& ctx) {
  if (clock_ == SleepClock::jiffies)
    co_await timer_.del_sync(ctx);
  else
    co_await hrtimer_.cancel(ctx);
}

Task<HrRestart> SleepTimer::hrtimer_wakeup(Atomic& ctx, HrTimer& self) {
  co_await static_cast<HrSleeper&>(self).owner.expire(ctx);
  co_return HrRestart::no;
}

Task<void> SleepTimer::process_timeout(Atomic& ctx, Timer& self) {
  return static_cast<JiffySleeper&>(self).owner.expire(ctx);
}

// The sleeper, awake for another reason, waits in stop() for the end of this.
Task<void> SleepTimer::expire(Atomic& ctx) {
  expired_ = true;
  return then(ctx.spend(ctx.costs().try_to_wake_up),
              [this, &ctx] { return then_done(wake_up(ctx, sleeper_)); });
}

Task<Jiffies> schedule_timeout(Sleepable& ctx, Jiffies timeout, const char* waits_for,
                               events::Stage stage) {
  const Jiffies end = jiffies(ctx.system()) + timeout;
  SleepTimer timer(ctx.thread(), SleepClock::jiffies);
  co_await timer.start_jiffies(ctx, end);
  co_await ctx.block(waits_for, stage);
  co_await timer.stop(ctx);
  const Jiffies now = jiffies(ctx.system());
  co_return now >= end ? 0 : end - now;
}

Task<Errno> schedule_hrtimeout(Sleepable& ctx, SimTime expires, const char* waits_for,
                               events::Stage stage) {
  SleepTimer timer(ctx.thread(), SleepClock::high_resolution);
  co_await timer.start(ctx, expires);
  co_await ctx.block(waits_for, stage);
  co_await timer.stop(ctx);
  co_return timer.expired() ? Errno::ok : Errno::eintr;
}

}  // namespace iodrome::kernel
