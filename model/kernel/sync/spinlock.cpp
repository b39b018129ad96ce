// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/sync/spinlock.h"

namespace iodrome::kernel {

Task<Spinlock::Guard> Spinlock::take(Atomic& ctx) {
  held_ = true;
  if (ctx.level() == Level::thread) ++static_cast<Sleepable&>(ctx).thread().preempt_count;
  return then(ctx.spend(ctx.costs().spin_lock), [this, &ctx] {
    return Task<Guard>::ready(Guard{*this, ctx});
  });
}

Task<Spinlock::Guard> Spinlock::lock(Atomic& ctx) {
  ctx.cpu().disable_irqs();
  return held_ ? spin(ctx) : take(ctx);
}

Task<Spinlock::Guard> Spinlock::spin(Atomic& ctx) {
  const events::CpuClass before = ctx.cpu().account().current();
  const events::Stage stage = ctx.stage();
  ctx.cpu().account().turn_to(events::CpuClass::spin, ctx.now());
  ctx.set_stage(events::Stage::lock);
  Spinner spinner{*this, ctx};
  co_await spinner;
  ctx.cpu().account().turn_to(before, ctx.now());
  ctx.set_stage(stage);
  co_return co_await take(ctx);
}

void Spinlock::release(Atomic& ctx) {
  if (ctx.level() == Level::thread) --static_cast<Sleepable&>(ctx).thread().preempt_count;
  held_ = false;
  if (!spinners_.empty()) {
    Spinner& next = spinners_.front();
    spinners_.pop_front();
    held_ = true;  // handed over: nobody can slip in before the spinner runs
    ctx.system().timeline.post(next);
  }
  ctx.cpu().enable_irqs();
}

}  // namespace iodrome::kernel
