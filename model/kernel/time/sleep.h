// SPDX-License-Identifier: Apache-2.0
// Sleeping until a time has come.
#pragma once
#include "model/engine/result.h"
#include "model/kernel/time/hrtimer.h"
#include "model/kernel/time/timer_wheel.h"

namespace iodrome::kernel {

/// Which timer ends a sleep.
enum class SleepClock : std::uint8_t {
  jiffies,          // the wheel: schedule_timeout(), wait_event_timeout()
  high_resolution,  // hrtimers: schedule_hrtimeout(), futex(2), epoll_wait(2)
};

/// What ends a thread's sleep at a deadline. It wakes the thread whatever that waits for; who
/// sleeps looks at expired().
class SleepTimer {
 public:
  SleepTimer(Thread& sleeper, SleepClock clock);
  /// The deadline is `at`, or a little later: rounded up to jiffies and to the wheel's granularity,
  /// or put off by the slack that TimerParams gives to fair threads.
  Task<void> start(Sleepable& ctx, SimTime at);
  Task<void> start_jiffies(Sleepable& ctx, Jiffies at);
  /// After the sleep; the timer's function does not run any more.
  Task<void> stop(Sleepable& ctx);
  bool expired() const { return expired_; }

 private:
  struct HrSleeper : HrTimer {
    explicit HrSleeper(SleepTimer& of) : HrTimer(&SleepTimer::hrtimer_wakeup), owner(of) {}
    SleepTimer& owner;
  };
  struct JiffySleeper : Timer {
    explicit JiffySleeper(SleepTimer& of) : Timer(&SleepTimer::process_timeout), owner(of) {}
    SleepTimer& owner;
  };
  static Task<HrRestart> hrtimer_wakeup(Atomic& ctx, HrTimer& self);
  static Task<void> process_timeout(Atomic& ctx, Timer& self);
  Task<void> expire(Atomic& ctx);

  Thread& sleeper_;
  const SleepClock clock_;
  bool expired_ = false;
  HrSleeper hrtimer_{*this};
  JiffySleeper timer_{*this};
};

/// schedule_timeout() of a thread that has queued itself somewhere: sleeps until woken or until so
/// many jiffies have passed; how many were left.
Task<Jiffies> schedule_timeout(Sleepable& ctx, Jiffies timeout, const char* waits_for,
                               events::Stage stage);
/// schedule_hrtimeout(): sleeps until woken or until `expires`; ok if it has expired, else EINTR.
Task<Errno> schedule_hrtimeout(Sleepable& ctx, SimTime expires, const char* waits_for,
                               events::Stage stage);

}  // namespace iodrome::kernel
