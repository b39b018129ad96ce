// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/time/cpu_timers.h"

#include <algorithm>

namespace iodrome::kernel {

CpuTimers::CpuTimers(Cpu& cpu)
    : hrtimers(cpu, *this),
      wheel(cpu, *this),
      cpu_(cpu),
      tick_(cpu.timeline(), &CpuTimers::due, this) {
  cpu.on_tick(*this);
  cpu.on_softirq(Softirq::timer, softirq_);
}

SimTime CpuTimers::next_event() const {
  const SimTime tick = tick_needed();
  return cpu_.system().timer_params.high_resolution ? std::min(tick, hrtimers.next_expiry()) : tick;
}

// The first tick that has something to do here.
SimTime CpuTimers::tick_needed() const {
  const System& system = cpu_.system();
  SimTime needed = kNever;
  if (wheel.next_expiry() != kNoJiffy)
    needed = SimTime{} + static_cast<std::int64_t>(wheel.next_expiry()) * jiffy_length(system);
  if (!system.timer_params.high_resolution) needed = std::min(needed, hrtimers.next_expiry());
  if (needed == kNever) return kNever;
  const Duration from = std::max(needed, system.timeline.now()).time_since_epoch();
  return SimTime{} + static_cast<std::int64_t>(to_jiffies(system, from)) * jiffy_length(system);
}

bool CpuTimers::something_due() const {
  const System& system = cpu_.system();
  if (wheel.next_expiry() != kNoJiffy && wheel.next_expiry() <= jiffies(system)) return true;
  return !system.timer_params.high_resolution && hrtimers.next_expiry() <= system.timeline.now();
}

void CpuTimers::due(void* self) {
  auto& timers = *static_cast<CpuTimers*>(self);
  // A CPU with a thread has a tick at this very instant.
  if (timers.cpu_.next_tick() == timers.cpu_.timeline().now()) return;
  timers.tick_left_out();
}

void CpuTimers::tick_left_out() {
  if (!busy_ && something_due()) cpu_.raise_irq(idle_tick_);
}

void CpuTimers::tick() {
  if (busy_ || !something_due()) return;
  busy_ = true;
  cpu_.raise_softirq(Softirq::timer);
}

Task<void> CpuTimers::IdleTick::handle(Atomic& ctx) {
  return then(ctx.spend(ctx.costs().tick), [this] {
    owner.tick();
    return Task<void>::ready();
  });
}

// run_timer_softirq().
Task<void> CpuTimers::TimerSoftirq::handle(Atomic& ctx) {
  if (!ctx.system().timer_params.high_resolution) co_await owner.hrtimers.run_queues(ctx);
  co_await owner.wheel.run(ctx);
  owner.busy_ = false;
  owner.program_tick();
}

}  // namespace iodrome::kernel
