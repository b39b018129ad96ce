// SPDX-License-Identifier: Apache-2.0
// The timer wheel: timeouts that mostly never expire, kept cheaply and coarsely in jiffies. They
// expire in the timer softirq.
//
// Invariants
//  1. A timer never expires before its jiffy, and at most one granularity of its level after the
//  jiffy began.
//  2. next_expiry() is the first jiffy at which a bucket falls due.
#pragma once
#include <array>
#include <boost/intrusive/list.hpp>

#include "model/kernel/cpu/context.h"
#include "model/kernel/sync/spin_until.h"

namespace iodrome::kernel {

class CpuTimers;
class TimerWheel;

/// Ticks of the machine's clock since it began; every CPU sees the same.
using Jiffies = std::uint64_t;
inline constexpr Jiffies kNoJiffy = ~Jiffies{0};

/// Length of a jiffy. The scheduler's `hz` must be set.
Duration jiffy_length(const System& system);
Jiffies jiffies(const System& system);
/// How many jiffies a time takes, rounded up, as usecs_to_jiffies().
Jiffies to_jiffies(const System& system, Duration time);

using TimerHook =
    boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

/// A timeout. Its function is called in the timer softirq of the CPU that set it last.
///
/// Order: a bucket's timers LIFO, as Linux's.
/// Differs from Linux: neither deferrable nor irq-safe timers; a timer stays on the CPU that set
/// it. Destroying a timer takes it out for free.
/// Source: Linux kernel/time/timer.c since 4.8.
class Timer : public TimerHook {
 public:
  /// It may set the timer again, and free it.
  using Function = Task<void> (*)(Atomic& ctx, Timer& self);

  explicit Timer(Function function) : function_(function) {}
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// mod_timer(): true if it was pending. While its function runs on another CPU it stays there.
  Task<bool> mod(Atomic& ctx, Jiffies expires);
  /// The same for `delay` from now on, rounded up.
  Task<bool> mod_after(Atomic& ctx, Duration delay);
  /// del_timer(): true if it was pending. Its function may be running.
  Task<bool> del(Atomic& ctx);
  /// try_to_del_timer_sync(): 1 taken out, 0 was not pending, -1 its function runs.
  Task<int> try_to_del_sync(Atomic& ctx);
  /// del_timer_sync(): spins until the function has ended; true if it was pending. Not from its
  /// function, nor from what interrupted that.
  Task<bool> del_sync(Atomic& ctx);
  /// Takes it out without the CPU's time; true if it was pending. Who calls pays `timer_del`.
  bool detach();

  bool pending() const { return is_linked(); }
  Jiffies expires() const { return expires_; }

 private:
  friend class TimerWheel;

  Function function_;
  TimerWheel* wheel_ = nullptr;  // where it was last set
  Jiffies expires_ = 0;
  std::uint32_t bucket_ = 0;
  bool running_ = false;  // its function is
};

/// The wheel of a CPU: nine levels of 64 buckets, each level eight times as coarse as the one below
/// it. Nothing cascades: a timer expires with its bucket.
class TimerWheel {
 public:
  static constexpr std::uint32_t kLevelBits = 6;
  static constexpr std::uint32_t kLevelSize = 1u << kLevelBits;
  static constexpr std::uint32_t kClockShift = 3;

  TimerWheel(Cpu& cpu, CpuTimers& timers) : cpu_(cpu), timers_(timers) {}
  ~TimerWheel() {
    if (running_ != nullptr) running_->running_ = false;  // the run has ended in its middle
  }
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  /// __run_timers(), in the softirq.
  Task<void> run(Atomic& ctx);
  /// kNoJiffy while it is empty.
  Jiffies next_expiry() const { return next_expiry_; }

 private:
  friend class Timer;
  // LVL_DEPTH is 9 with more than 100 ticks per second, else 8; the longest timeout follows.
  static constexpr std::uint32_t kMostLevels = 9;
  using Bucket = boost::intrusive::list<Timer, boost::intrusive::constant_time_size<false>>;

  std::uint32_t depth() const;
  void forward();
  void enqueue(Timer& timer, Jiffies expires);
  std::pair<std::uint32_t, Jiffies> place(Jiffies expires) const;
  void clear_if_empty(std::uint32_t bucket);
  void recalculate();
  Jiffies first_due() const;
  Task<void> expire(Atomic& ctx, Bucket& expired);

  Cpu& cpu_;
  CpuTimers& timers_;
  Jiffies clock_ = 0;
  Jiffies next_expiry_ = kNoJiffy;
  std::array<std::uint64_t, kMostLevels> pending_{};  // a bit per bucket that is not empty
  std::unique_ptr<std::array<Bucket, kMostLevels * kLevelSize>>
      buckets_;  // from the first timer on
  Timer* running_ = nullptr;
  Spinners spinners_;  // for the end of the function that runs
};

}  // namespace iodrome::kernel
