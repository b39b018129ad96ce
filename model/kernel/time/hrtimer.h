// SPDX-License-Identifier: Apache-2.0
// High-resolution timers: each CPU has a queue of them, ordered by expiry, and one clock event
// device programmed to the earliest. They expire in a hardirq of that CPU.
//
// Invariants
//  1. The device is programmed to the first timer's hard expiry, except while the interrupt is
//  handled or hangs.
//  2. At most one timer's function of a CPU runs; a timer is queued on one CPU at most.
#pragma once
#include <boost/intrusive/set.hpp>

#include "model/kernel/cpu/context.h"
#include "model/kernel/sync/spin_until.h"
#include "model/kernel/time/clock_event.h"

namespace iodrome::kernel {

class CpuTimers;
class HrTimerBase;

/// What a timer's function asks for: HRTIMER_NORESTART, HRTIMER_RESTART.
enum class HrRestart : std::uint8_t { no, yes };

using HrTimerHook =
    boost::intrusive::set_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

/// A timer that calls a function in a hardirq of the CPU that started it (HRTIMER_MODE_PINNED); in
/// the timer softirq, up to a tick late, without TimerParams::high_resolution.
///
/// Order: by hard expiry, FIFO among equal ones.
/// Differs from Linux: one clock, which is never set; timers are not moved to other CPUs; the tick
/// is not one of them. Destroying a timer takes it back for free.
/// Source: Linux kernel/time/hrtimer.c.
class HrTimer : public HrTimerHook {
 public:
  /// It may restart the timer, by its result or by start(), and free the timer.
  using Function = Task<HrRestart> (*)(Atomic& ctx, HrTimer& self);

  explicit HrTimer(Function function) : function_(function) {}
  ~HrTimer();
  HrTimer(const HrTimer&) = delete;
  HrTimer& operator=(const HrTimer&) = delete;

  /// hrtimer_start_range_ns(): expires as soon as an interrupt finds `expires` passed, at
  /// `expires + slack` at the latest. A queued timer is moved. While its function runs it stays on
  /// the CPU where it runs. True if it was queued, which Linux told up to 4.1.
  Task<bool> start(Atomic& ctx, SimTime expires, Duration slack = Duration{0});
  /// hrtimer_try_to_cancel(): 1 taken back, 0 was not active, -1 its function runs.
  Task<int> try_to_cancel(Atomic& ctx);
  /// hrtimer_cancel(): spins until the function has ended, and takes back what it restarted. True
  /// if it was active. Not from its function, nor from what interrupted that.
  Task<bool> cancel(Atomic& ctx);
  /// hrtimer_forward(): moves the expiry of a timer that is not queued by whole intervals past
  /// `now`; how many.
  std::uint64_t forward(SimTime now, Duration interval);

  bool queued() const { return is_linked(); }
  /// hrtimer_active(): queued, or its function runs.
  bool active() const { return queued() || running_; }
  SimTime expires() const { return soft_; }
  SimTime hard_expires() const { return hard_; }

 private:
  friend class HrTimerBase;

  Function function_;
  HrTimerBase* base_ = nullptr;  // of the CPU where it was last started
  SimTime soft_{};
  SimTime hard_{};
  bool running_ = false;  // its function is
};

/// The timers of a CPU. Its interrupt is the local timer's.
class HrTimerBase final : public IrqAction {
 public:
  HrTimerBase(Cpu& cpu, CpuTimers& timers);
  ~HrTimerBase() override {
    if (running_ != nullptr) running_->running_ = false;  // the run has ended in its middle
  }
  /// hrtimer_interrupt().
  Task<void> handle(Atomic& ctx) override;
  /// hrtimer_run_queues(), without high resolution: from the timer softirq.
  Task<void> run_queues(Atomic& ctx);
  /// The first timer's hard expiry, or kNever.
  SimTime next_expiry() const { return queue_.empty() ? kNever : queue_.begin()->hard_; }
  /// Interrupts that could not keep up and were put off.
  std::uint64_t hangs() const { return hangs_; }

 private:
  friend class HrTimer;
  struct ByExpiry {
    bool operator()(const HrTimer& a, const HrTimer& b) const { return a.hard_ < b.hard_; }
  };
  using Queue = boost::intrusive::multiset<HrTimer, boost::intrusive::compare<ByExpiry>,
                                           boost::intrusive::constant_time_size<false>>;

  static void due(void* self);
  bool program();
  Task<void> run_expired(Atomic& ctx, SimTime now);
  Task<void> run(Atomic& ctx, HrTimer& timer);

  Cpu& cpu_;
  CpuTimers& timers_;
  ClockEvent device_;
  Queue queue_;
  HrTimer* running_ = nullptr;
  Spinners spinners_;  // for the end of the function that runs
  bool in_interrupt_ = false;
  bool hung_ = false;
  std::uint64_t hangs_ = 0;
};

}  // namespace iodrome::kernel
