// SPDX-License-Identifier: Apache-2.0
// Interrupt handlers that may sleep.
#pragma once
#include "model/kernel/kthread/kthread.h"

namespace iodrome::kernel {

/// request_threaded_irq() without a primary handler: the hardirq wakes the thread `irq/NAME`, which
/// calls `handler` once for all messages that came before it began. The thread is SCHED_FIFO of
/// priority 50 and moves to the CPU whose hardirq wakes it.
///
/// Differs from Linux: message-signalled interrupts only, which are not masked while the thread
/// runs.
class ThreadedIrq final : public IrqAction, public ThreadBody {
 public:
  ThreadedIrq(System& system, std::uint32_t cpu, const std::string& name, ThreadBody& handler)
      : handler_(handler), thread_(system, "irq/" + name, events::CpuClass::kthread, cpu, *this) {
    thread_.thread().set_fifo(kPriority);
    thread_.thread().pinned = true;  // to the CPU that took the latest interrupt
  }
  Thread& thread() { return thread_.thread(); }

  Task<void> handle(Atomic& ctx) override {
    raised_ = true;
    Thread& served_by = thread_.thread();
    if (!started_ || served_by.state != Thread::State::sleeping) {
      served_by.woken = true;
      return Task<void>::ready();
    }
    served_by.cpu = &ctx.cpu();
    return then(ctx.spend(ctx.costs().try_to_wake_up),
                [&ctx, &served_by] { return then_done(wake_up(ctx, served_by)); });
  }
  Task<void> run(Sleepable& ctx) override {
    started_ = true;
    for (;;) {
      while (!std::exchange(raised_, false)) co_await ctx.block("irq", events::Stage::queue);
      co_await handler_.run(ctx);
    }
  }

 private:
  static constexpr int kPriority = 50;
  ThreadBody& handler_;
  bool raised_ = false;
  bool started_ = false;  // before, it looks by itself
  RunningThread thread_;
};

}  // namespace iodrome::kernel
