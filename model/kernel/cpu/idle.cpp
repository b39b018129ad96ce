// SPDX-License-Identifier: Apache-2.0
// What a CPU does when nothing runs on it, and what brings it back.
#include "model/kernel/cpu/balance.h"
#include "model/kernel/cpu/irq_loop.h"

namespace iodrome::kernel {

void Cpu::go_idle() {
  halted_ = true;
  idle_since_ = timeline_.now();
}

Duration Cpu::idle_exit_latency() const {
  const SchedulerParams& params = system_.scheduler;
  const bool deep = params.deep_idle_after > Duration{0} &&
                    timeline_.now() - idle_since_ >= params.deep_idle_after;
  return deep ? params.deep_idle_exit_latency : params.idle_exit_latency;
}

// Something has come for this CPU to do. It begins when the CPU is out of its idle state; what
// comes until then waits for the same moment.
void Cpu::leave_idle_state() {
  if (idle_exit_.under_way) return;
  const Duration latency = idle_exit_latency();
  if (latency == Duration{0}) return IdleExit::due(&idle_exit_);
  idle_exit_.under_way = true;
  timeline_.after(latency, idle_exit_);
}

void Cpu::IdleExit::due(Event* self) {
  auto& exit = *static_cast<IdleExit*>(self);
  Cpu& cpu = exit.cpu;
  const bool fired = std::exchange(exit.under_way, false);
  if (!cpu.pending_irqs_.empty() && cpu.irqs_enabled()) {
    cpu.halted_ = false;
    return fired ? cpu.hardirq_->signal_at_once() : cpu.hardirq_->signal();
  }
  if (!cpu.halted_) return;  // a softirq that was raised from outside has begun meanwhile
  cpu.halted_ = false;
  if (cpu.run_queue_.empty())
    cpu.go_idle();  // whom it came for has gone elsewhere
  else
    cpu.pick_next();
}

// Interrupts on an idle CPU have it look at its queue when they end, so that one message that says
// so is enough.
bool Cpu::enqueue_on_idle(Thread& thread, Cpu* waker) {
  balance_->idle_no_longer();
  const bool polls = halted_ && !idle_exit_.under_way && idle_exit_latency() == Duration{0};
  const bool told = !run_queue_.empty();  // it will look at its queue in any case
  if (told) system_.overloaded_cpus.set(index_);
  if (waker == this || polls || (waker == nullptr && !halted_)) {
    halted_ = false;
    run_queue_.push(thread, Arrival::woken);
    pick_next();
    return false;
  }
  if (thread.context->ledger() != nullptr)
    thread.context->ledger()->enter(events::Stage::wakeup, timeline_.now());
  run_queue_.push(thread, Arrival::woken);
  if (waker == nullptr) {
    leave_idle_state();
    return false;
  }
  if (told || reschedule_.under_way()) return false;
  reschedule_.send();
  return true;
}

// --- interrupts between CPUs --------------------------------------------------------------------

void Ipi::send() {
  under_way_ = true;
  to_.timeline().after(to_.system().scheduler.ipi_latency, *this);
}

void Ipi::due(Event* self) {
  auto& message = *static_cast<Ipi*>(self);
  message.under_way_ = false;
  message.to_.raise_irq(message);
}

}  // namespace iodrome::kernel
