// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/sync/rwsem.h"

namespace iodrome::kernel {

using events::LockMode;

bool Rwsem::read_at_once() {
  if (writer_ != nullptr || !waiters_.empty()) return false;
  ++readers_;
  return true;
}

bool Rwsem::write_at_once(Thread& thread) {
  if (writer_ != nullptr || readers_ != 0 || !waiters_.empty()) return false;
  writer_ = &thread;
  return true;
}

Task<void> Rwsem::down_read(Sleepable& ctx, Place at) {
  class_.acquire(ctx, LockMode::shared, at);
  check(ctx.thread().preempt_count == 0, "a rwsem is taken while a spinlock is held");
  if (!read_at_once()) return wait(ctx, true, at);
  return then_done(ctx.spend(ctx.costs().mutex_lock));
}

Task<void> Rwsem::down_write(Sleepable& ctx, Place at) {
  class_.acquire(ctx, LockMode::exclusive, at);
  check(ctx.thread().preempt_count == 0, "a rwsem is taken while a spinlock is held");
  check(writer_ != &ctx.thread(), "a thread takes a rwsem that it writes");
  if (!write_at_once(ctx.thread())) return wait(ctx, false, at);
  return then_done(ctx.spend(ctx.costs().mutex_lock));
}

Task<bool> Rwsem::down_read_try(Sleepable& ctx, Place at) {
  const bool taken = read_at_once();
  if (taken) class_.acquire(ctx, LockMode::shared_try, at);
  co_await ctx.spend(ctx.costs().mutex_lock);
  co_return taken;
}

Task<bool> Rwsem::down_write_try(Sleepable& ctx, Place at) {
  const bool taken = write_at_once(ctx.thread());
  if (taken) class_.acquire(ctx, LockMode::exclusive_try, at);
  co_await ctx.spend(ctx.costs().mutex_lock);
  co_return taken;
}

Task<void> Rwsem::wait(Sleepable& ctx, bool reads, Place at) {
  class_.contended(ctx, at);
  Waiter waiter;
  waiter.thread = &ctx.thread();
  waiter.reads = reads;
  waiters_.push_back(waiter);
  co_await ctx.spend(ctx.costs().mutex_lock);
  while (!waiter.granted) co_await ctx.block("rwsem", events::Stage::queue);
}

Task<void> Rwsem::up_read(Sleepable& ctx) {
  check(readers_ > 0, "a rwsem is let go by a reader without it");
  class_.release(ctx);
  --readers_;
  return grant(ctx);
}

Task<void> Rwsem::up_write(Sleepable& ctx) {
  check(writer_ == &ctx.thread(), "a rwsem is let go by a writer without it");
  class_.release(ctx);
  writer_ = nullptr;
  return grant(ctx);
}

Task<void> Rwsem::downgrade_write(Sleepable& ctx) {
  check(writer_ == &ctx.thread(), "a rwsem is downgraded by a thread that does not write it");
  writer_ = nullptr;
  ++readers_;
  return grant(ctx);
}

// Gives the lock to those whose turn it is, and wakes them.
Task<void> Rwsem::grant(Sleepable& ctx) {
  if (waiters_.empty() || writer_ != nullptr) return Task<void>::ready();
  if (waiters_.front().reads) return grant_readers(ctx);
  if (readers_ != 0) return Task<void>::ready();
  Waiter& writer = waiters_.front();
  waiters_.pop_front();
  writer_ = writer.thread;
  return wake(ctx, writer);
}

Task<void> Rwsem::grant_readers(Sleepable& ctx) {
  Waiters granted;
  std::uint32_t left = kMaxReadersWoken;
  for (auto it = waiters_.begin(); it != waiters_.end() && left > 0;) {
    Waiter& waiter = *it++;
    if (!waiter.reads) continue;
    waiter.unlink();
    granted.push_back(waiter);
    ++readers_;
    --left;
  }
  while (!granted.empty()) {
    Waiter& reader = granted.front();
    granted.pop_front();
    co_await wake(ctx, reader);
  }
}

// The lock is the waiter's already; it may go on from here.
Task<void> Rwsem::wake(Atomic& ctx, Waiter& waiter) {
  return then(ctx.spend(ctx.costs().try_to_wake_up), [&ctx, &waiter] {
    waiter.granted = true;
    return then_done(kernel::wake_up(ctx, *waiter.thread));
  });
}

}  // namespace iodrome::kernel
