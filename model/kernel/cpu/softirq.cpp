// SPDX-License-Identifier: Apache-2.0
// Softirqs and tasklets: after hardirqs, for so long, and then by a thread.
#include <algorithm>
#include <bit>

#include "model/events/irq.h"
#include "model/kernel/cpu/irq_loop.h"
#include "model/kernel/cpu/ksoftirqd.h"

namespace iodrome::kernel {

namespace {

// Source: Linux kernel/softirq.c, MAX_SOFTIRQ_RESTART and MAX_SOFTIRQ_TIME, since 3.9.
constexpr int kMaxSoftirqRounds = 10;
constexpr Duration kMaxSoftirqTime = 2ms;

constexpr std::uint32_t bit_of(Softirq vector) {
  return 1u << static_cast<unsigned>(vector);
}

constexpr std::uint32_t kTaskletBits = bit_of(Softirq::hi) | bit_of(Softirq::tasklet);

}  // namespace

void Cpu::raise_softirq(Softirq vector) {
  const std::uint32_t bit = bit_of(vector);
  if ((pending_softirqs_ & bit) != 0) return;
  pending_softirqs_ |= bit;
  system_.probe.emit(events::SoftirqRaise{index_, static_cast<std::uint64_t>(vector)}, index_);
  if (in_interrupt() || softirqs_disabled_ != 0) return;
  enter(Level::softirq);
  softirq_->signal();
}

void Cpu::enable_softirqs() {
  check(softirqs_disabled_ > 0, "softirqs enabled twice");
  if (--softirqs_disabled_ != 0 || pending_softirqs_ == 0 || in_interrupt()) return;
  enter(Level::softirq);
  softirq_->signal();
}

// Every round serves what is pending when it begins.
Task<void> Cpu::softirq_loop() {
  Atomic& ctx = softirq_->ctx;
  for (;;) {
    co_await IrqLoop::Signal{*softirq_};
    const SimTime end = timeline_.now() + kMaxSoftirqTime;
    for (int rounds = 1; pending_softirqs_ != 0; ++rounds) {
      for (std::uint32_t round = std::exchange(pending_softirqs_, 0); round != 0;
           round &= round - 1) {
        const auto vector = static_cast<std::uint64_t>(std::countr_zero(round));
        system_.probe.emit(events::SoftirqEntry{index_, vector}, index_);
        co_await ctx.spend(ctx.costs().softirq);
        IrqAction* const action = softirq_actions_[vector];
        const bool tasklets = ((1u << vector) & kTaskletBits) != 0;
        check(action != nullptr || tasklets, "softirq without a handler");
        if (tasklets) co_await run_tasklets(ctx, static_cast<Softirq>(vector));
        if (action != nullptr) co_await action->handle(ctx);
        system_.probe.emit(events::SoftirqExit{index_, vector}, index_);
      }
      if (pending_softirqs_ == 0) break;
      if (rounds < kMaxSoftirqRounds && timeline_.now() < end && !need_resched_) continue;
      co_await wake_ksoftirqd(ctx);
      break;
    }
    leave(Level::softirq);
  }
}

void Cpu::schedule_tasklet(IrqAction& action, Softirq vector) {
  std::vector<IrqAction*>& tasklets = tasklets_of(vector);
  if (std::find(tasklets.begin(), tasklets.end(), &action) != tasklets.end()) return;
  tasklets.push_back(&action);
  raise_softirq(vector);
}

// What they schedule meanwhile runs in another round of the softirq.
Task<void> Cpu::run_tasklets(Atomic& ctx, Softirq vector) {
  std::vector<IrqAction*>& tasklets = tasklets_of(vector);
  if (tasklets.empty()) return Task<void>::ready();
  return run_these(ctx, tasklets);
}

Task<void> Cpu::run_these(Atomic& ctx, std::vector<IrqAction*>& tasklets) {
  for (std::size_t left = tasklets.size(); left > 0; --left) {
    IrqAction& action = *tasklets.front();
    tasklets.erase(tasklets.begin());
    co_await action.handle(ctx);
  }
}

// --- ksoftirqd ----------------------------------------------------------------------------------

Task<void> Cpu::wake_ksoftirqd(Atomic& ctx) {
  if (ksoftirqd_ == nullptr) {
    ksoftirqd_ = std::make_unique<Ksoftirqd>(system_, *this);
    co_return;
  }
  co_await ctx.spend(ctx.costs().try_to_wake_up);
  co_await wake_up(ctx, ksoftirqd_->thread());
}

void Cpu::serve_softirqs() {
  enter(Level::softirq);
  softirq_->signal();
}

}  // namespace iodrome::kernel
