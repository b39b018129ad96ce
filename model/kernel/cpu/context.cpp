// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/cpu/context.h"

namespace iodrome::kernel {

void Spend::await_suspend(std::coroutine_handle<> waiter) {
  waiter_ = waiter;
  prepare(ctx_.level(), &Spend::done);
  Cpu& on = ctx_.cpu();
  if (level == Level::thread && !on.frozen(level) && on.should_preempt()) {
    left = length_;
    return on.preempt_current(*this);
  }
  on.begin(*this, length_);
}

void Spend::done(Burst* self) {
  static_cast<Spend*>(self)->waiter_.resume();
}

bool GiveWay::await_ready() {
  Cpu& cpu = ctx_.cpu();
  if (how_ == Arrival::yielded) return !cpu.yields_to_somebody();
  return !cpu.need_resched() || ctx_.thread().preempt_count != 0;
}

void GiveWay::await_suspend(std::coroutine_handle<> waiter) {
  check(ctx_.thread().preempt_count == 0, "yielding while a spinlock is held");
  ctx_.thread().continuation = waiter;
  ctx_.cpu().give_way(how_);
}

bool Block::await_ready() {
  Thread& thread = ctx_.thread();
  check(thread.preempt_count == 0, "sleeping while a spinlock is held");
  check(!ctx_.owes(), "sleeping before a cost was spent");
  return std::exchange(thread.woken, false);
}

void Block::await_suspend(std::coroutine_handle<> waiter) {
  Thread& thread = ctx_.thread();
  thread.continuation = waiter;
  thread.waits_for = waits_for_;
  if (ctx_.ledger() != nullptr) ctx_.ledger()->enter(stage_, ctx_.now());
  ctx_.cpu().block_current();
}

void Block::await_resume() {
  ctx_.thread().woken = false;
}

}  // namespace iodrome::kernel
