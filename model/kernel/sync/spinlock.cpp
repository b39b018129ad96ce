// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/sync/spinlock.h"

#include "model/kernel/sync/burn.h"

namespace iodrome::kernel {

using events::LockMode;

void Spinlock::mask(Atomic& ctx, Masks masks) {
  if (masks == Masks::irqs) ctx.cpu().disable_irqs();
  if (masks == Masks::softirqs) ctx.cpu().disable_softirqs();
  if (ctx.level() == Level::thread) ++static_cast<Sleepable&>(ctx).thread().preempt_count;
}

void Spinlock::unmask(Atomic& ctx, Masks masks) {
  if (ctx.level() == Level::thread) --static_cast<Sleepable&>(ctx).thread().preempt_count;
  if (masks == Masks::softirqs) ctx.cpu().enable_softirqs();
  if (masks == Masks::irqs) ctx.cpu().enable_irqs();
}

Task<Spinlock::Guard> Spinlock::take(Atomic& ctx, Masks masks) {
  holder_ = &ctx.cpu();
  // The locked operation waits for the CPU's store buffer.
  if (ctx.memory().exploring()) [[unlikely]]
    ctx.memory().flush();
  return then(ctx.spend(ctx.costs().spin_lock), [this, &ctx, masks] {
    return Task<Guard>::ready(Guard{this, ctx, masks});
  });
}

Task<Spinlock::Guard> Spinlock::lock(Atomic& ctx, Masks masks, Place at) {
  mask(ctx, masks);
  class_.acquire(ctx, LockMode::exclusive, at);
  if (holder_ == nullptr) [[likely]]
    return take(ctx, masks);
  class_.contended(ctx, at);
  return spin(ctx, masks);
}

Task<Spinlock::Guard> Spinlock::lock_irq(Atomic& ctx, Place at) {
  check(ctx.cpu().irqs_enabled(), "spin_lock_irq where interrupts are off already");
  return lock(ctx, Masks::irqs, at);
}

Task<Spinlock::Guard> Spinlock::try_lock(Atomic& ctx, Masks masks, Place at) {
  if (holder_ != nullptr)
    return then(ctx.spend(ctx.costs().spin_lock), [&ctx, masks] {
      return Task<Guard>::ready(Guard{nullptr, ctx, masks});
    });
  mask(ctx, masks);
  class_.acquire(ctx, LockMode::exclusive_try, at);
  return take(ctx, masks);
}

Task<Spinlock::Guard> Spinlock::spin(Atomic& ctx, Masks masks) {
  check(holder_ != &ctx.cpu(), "a CPU spins for a lock that it holds itself");
  Burning burning(ctx);
  Spinner spinner{*this, ctx};
  co_await spinner;
  co_await Thawed{ctx};
  burning.stop();
  co_return co_await take(ctx, masks);
}

void Spinlock::release(Atomic& ctx, Masks masks) {
  class_.release(ctx);
  holder_ = nullptr;
  if (!spinners_.empty()) {
    Spinner& next = spinners_.front();
    spinners_.pop_front();
    holder_ = &next.ctx.cpu();  // handed over: nobody can slip in before the spinner runs
    ctx.system().timeline.post(next);
  }
  unmask(ctx, masks);
}

}  // namespace iodrome::kernel
