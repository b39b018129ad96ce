// SPDX-License-Identifier: Apache-2.0
// A CPU's timers of both kinds, and what drives the wheel: the tick where the CPU has one, and
// where it is idle a single tick when the wheel needs it.
#pragma once
#include "model/kernel/time/hrtimer.h"
#include "model/kernel/time/timer_wheel.h"

namespace iodrome::kernel {

class CpuTimers final : public TickListener {
 public:
  explicit CpuTimers(Cpu& cpu);
  CpuTimers(const CpuTimers&) = delete;
  CpuTimers& operator=(const CpuTimers&) = delete;
  static CpuTimers& of(Cpu& cpu) { return *cpu.system().timers[cpu.index()]; }

  HrTimerBase hrtimers;
  TimerWheel wheel;

  /// When the CPU's next timer of any kind will be looked at, or kNever: for who lets it idle.
  SimTime next_event() const;

 private:
  friend class HrTimerBase;
  friend class TimerWheel;
  // The tick of an idle CPU.
  struct IdleTick final : IrqAction {
    explicit IdleTick(CpuTimers& timers) : owner(timers) { vector = kLocalTimerVector; }
    Task<void> handle(Atomic& ctx) override;
    CpuTimers& owner;
  };
  struct TimerSoftirq final : IrqAction {
    explicit TimerSoftirq(CpuTimers& timers) : owner(timers) {}
    Task<void> handle(Atomic& ctx) override;
    CpuTimers& owner;
  };

  /// The wheel's next jiffy, or that of a timer that only ticks can expire, has changed.
  void program_tick() {
    if (!busy_) tick_.program(tick_needed());
  }
  bool something_due() const;
  SimTime tick_needed() const;
  void tick() override;
  void tick_left_out() override;
  static void due(void* self);

  Cpu& cpu_;
  ClockEvent tick_;
  IdleTick idle_tick_{*this};
  TimerSoftirq softirq_{*this};
  bool busy_ = false;  // the softirq is raised, or runs
};

}  // namespace iodrome::kernel
