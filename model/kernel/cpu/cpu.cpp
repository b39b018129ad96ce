// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/cpu/cpu.h"

#include "model/events/irq.h"
#include "model/events/sched.h"
#include "model/kernel/cpu/balance.h"
#include "model/kernel/cpu/context.h"
#include "model/kernel/cpu/irq_loop.h"
#include "model/kernel/cpu/ksoftirqd.h"

namespace iodrome::kernel {

using events::CpuClass;
using events::PrevState;
using events::Stage;

Cpu::Cpu(System& system, std::uint32_t index)
    : system_(system),
      timeline_(system.timeline),
      index_(index),
      socket_(index / system.cpus_per_socket),
      hardirq_(std::make_unique<IrqLoop>(system, *this, Level::hardirq)),
      softirq_(std::make_unique<IrqLoop>(system, *this, Level::softirq)),
      memory_(system.timeline),
      balance_(std::make_unique<LoadBalance>(*this)),
      tick_(*this),
      reschedule_(*this),
      idle_exit_(*this) {
  switch_.cpu = this;
  system_.idle_cpus.set(index_);
  timeline_.spawn(hardirq_loop(), "hardirq");
  timeline_.spawn(softirq_loop(), "softirq");
}

Cpu::~Cpu() = default;

// --- interrupt levels ---------------------------------------------------------------------------

void Cpu::enter(Level level) {
  active_[static_cast<int>(level)] = true;
  halted_ = false;
  refreeze();
}

void Cpu::leave(Level level) {
  active_[static_cast<int>(level)] = false;
  refreeze();
  if (current_ != nullptr || in_interrupt()) return;
  if (run_queue_.empty())
    go_idle();
  else
    pick_next();
}

void Cpu::refreeze() {
  set_frozen(0, active_[1] || active_[2]);
  set_frozen(1, active_[2]);
  account_.turn_to(class_now(), timeline_.now());
  if (need_resched_ && !frozen_[0]) preempt_if_legal();
}

void Cpu::set_frozen(int level, bool frozen) {
  if (frozen_[level] == frozen) return;
  frozen_[level] = frozen;
  if (!active_[level]) return;  // an interrupt level at which nothing is under way
  Burst* const burst = burst_[level];
  Atomic* const ctx = context_of(level);
  events::StageLedger* const ledger = ctx != nullptr ? ctx->ledger() : nullptr;
  const SimTime now = timeline_.now();
  if (frozen) {
    if (burst != nullptr) burst->left = burst->end - now;
    if (ledger != nullptr) {
      interrupted_stage_[level] = ledger->stage();
      ledger->enter(Stage::stolen, now);
    }
    return;
  }
  if (burst != nullptr) {
    burst->end = now + burst->left;
    if (!burst->scheduled) {
      burst->scheduled = true;
      timeline_.at(burst->end, *burst);
    }
  }
  if (ledger != nullptr && ledger->stage() == Stage::stolen)
    ledger->enter(interrupted_stage_[level], now);
}

Atomic* Cpu::context_of(int level) {
  if (level == 1) return &softirq_->ctx;
  if (level == 2) return &hardirq_->ctx;
  return current_ != nullptr ? current_->context : nullptr;
}

CpuClass Cpu::class_now() const {
  if (active_[2]) return CpuClass::hardirq;
  if (active_[1]) return CpuClass::softirq;
  if (current_ == nullptr) return CpuClass::idle;
  return burst_[0] == &switch_ ? CpuClass::switching : current_->cpu_class;
}

void Cpu::turn_to(CpuClass cpu_class) {
  if (!in_interrupt()) account_.turn_to(cpu_class, timeline_.now());
}

void Cpu::raise_irq(IrqAction& action) {
  system_.probe.show(events::IrqRaise{index_, action.vector}, index_);
  // As in the interrupt controller: one pending bit per vector, however many messages arrive.
  if (pending_irqs_.contains(action)) return;
  pending_irqs_.push_back(action);
  if (irqs_disabled_ != 0 || active_[2]) return;
  if (halted_) return leave_idle_state();
  if (timeline_.choices().exploring() && strikes_later()) [[unlikely]]
    return;
  hardirq_->signal();
}

// Whether the interrupt waits for the burst in progress to end. The code behind that burst then
// runs before the handler, not after it: the two orders in which a handler can meet a piece of
// code.
bool Cpu::strikes_later() {
  if (burst_[active_[1] ? 1 : 0] == nullptr) return false;
  irq_after_burst_ = timeline_.choices().choose(Choice::interrupt, 2, "raise_irq") != 0;
  return irq_after_burst_;
}

void Cpu::enable_irqs() {
  check(irqs_disabled_ > 0, "interrupts enabled twice");
  if (--irqs_disabled_ == 0 && !pending_irqs_.empty() && !active_[2]) hardirq_->signal();
}

Task<void> Cpu::hardirq_loop() {
  Atomic& ctx = hardirq_->ctx;
  for (;;) {
    if (pending_irqs_.empty() || irqs_disabled_ != 0) {
      co_await IrqLoop::Signal{*hardirq_};
      continue;
    }
    enter(Level::hardirq);
    while (!pending_irqs_.empty()) {
      IrqAction& action = pending_irqs_.take_front();
      system_.probe.emit(events::IrqHandlerEntry{index_, action.vector}, index_);
      co_await ctx.spend(ctx.costs().irq_entry);
      co_await action.handle(ctx);
      co_await ctx.spend(ctx.costs().irq_exit);
      system_.probe.emit(events::IrqHandlerExit{index_, action.vector}, index_);
    }
    const bool start_softirq = pending_softirqs_ != 0 && softirqs_disabled_ == 0 && !active_[1];
    if (start_softirq) active_[1] = true;
    leave(Level::hardirq);
    if (start_softirq) softirq_->signal();
  }
}

// --- bursts -------------------------------------------------------------------------------------

void Burst::fire_event(Event* self) {
  auto* burst = static_cast<Burst*>(self);
  burst->cpu->fired(*burst);
}

void Cpu::begin(Burst& burst, Duration length) {
  const int level = static_cast<int>(burst.level);
  check(burst_[level] == nullptr, "two bursts at one level of a CPU");
  burst_[level] = &burst;
  burst.cpu = this;
  if (frozen_[level]) {
    burst.left = length;
    return;
  }
  burst.end = timeline_.now() + length;
  if (burst.scheduled) return;  // preempted before; its event fires early and finds the end
  burst.scheduled = true;
  timeline_.at(burst.end, burst);
}

void Cpu::fired(Burst& burst) {
  burst.scheduled = false;
  const int level = static_cast<int>(burst.level);
  // Its thaw schedules the rest, or the thread's next turn.
  if (frozen_[level] || burst_[level] != &burst) return;
  if (timeline_.now() < burst.end) {
    burst.scheduled = true;
    timeline_.at(burst.end, burst);
    return;
  }
  burst_[level] = nullptr;
  if (std::exchange(irq_after_burst_, false)) [[unlikely]]
    hardirq_->signal();
  burst.finished(&burst);
}

}  // namespace iodrome::kernel
