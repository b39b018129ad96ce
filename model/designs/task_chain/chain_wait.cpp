// SPDX-License-Identifier: Apache-2.0
// The consumer's calls of a queue: waiting for completions, what comes with them, and asking.
#include <algorithm>

#include "model/designs/task_chain/chain_queue.h"
#include "model/kernel/syscall.h"

namespace iodrome::designs::task_chain {

using namespace kernel;
using chain::Walker;
using Value = Result<std::int64_t>;

Task<Value> ChainQueue::wait(Sleepable& user, const WakeCondition& woken, std::uint32_t dropped) {
  return syscall(user, Sysno::chain_wait, wait_body(user, woken, dropped));
}

Task<Value> ChainQueue::wait_body(Sleepable& ctx, const WakeCondition& woken,
                                  std::uint32_t dropped) {
  co_await ctx.spend(ctx.costs().event_wait);
  for (;;) {
    if (ring_.holds_any()) co_await move_held(ctx);
    const ChainRing::Untaken untaken = co_await ring_.untaken(ctx);
    const bool lost = static_cast<std::uint32_t>(ring_.dropped()) != dropped;
    if (exiting_) co_return fail(Errno::eintr);
    if (untaken.count > 0 || lost || woken.holds()) co_return 1;
    const bool goes_on = co_await sleep(ctx);
    if (!goes_on) co_return fail(Errno::eintr);
  }
}

// Where the thread has chains to go on with, it does that instead. False: a signal has come.
Task<bool> ChainQueue::sleep(Sleepable& ctx) {
  const WaitOutcome ended =
      co_await sleepers_.wait_for(ctx, "chain_wait", events::Stage::reap, {.interruptible = true});
  if (ended != WaitOutcome::interrupted) co_return true;
  const bool mine = ctx.thread().notify_signal;
  if (mine) co_await task_work_run(ctx);
  co_return mine;
}

Task<Value> ChainQueue::flush(Sleepable& user) {
  return syscall(user, Sysno::chain_wait, flush_body(user));
}

Task<Value> ChainQueue::flush_body(Sleepable& ctx) {
  co_await ctx.spend(ctx.costs().event_wait);
  co_await move_held(ctx);
  co_return 1;
}

// At most a ring full, however fast the user frees it; the lock is for one entry at a time.
Task<void> ChainQueue::move_held(Sleepable& ctx) {
  if (user_copy() == chain::UserCopy::consumer) co_return co_await deliver_and_move(ctx);
  for (std::uint32_t left = ring_.size(); left > 0; --left) {
    const bool moved = co_await move_one(ctx);
    if (!moved) co_return;
  }
}

Task<bool> ChainQueue::move_one(Sleepable& ctx) {
  const Spinlock::Guard guard = co_await lock_.lock(ctx);
  const bool moved = co_await ring_.move_one(ctx);
  co_return moved;
}

// Copies before the lock is taken, since user memory may not be there; one consumer at a time, as
// with kevent's ring.
Task<void> ChainQueue::deliver_and_move(Sleepable& ctx) {
  co_await consumers_.lock(ctx);
  for (std::uint32_t left = ring_.size(); left > 0; --left) {
    ChainEvent* const oldest = co_await ring_.next_to_move(ctx);
    if (oldest == nullptr || exiting_) break;
    const Errno error = co_await deliveries_.copy(ctx, oldest->user_data);
    if (exiting_) break;
    if (oldest->error == 0) oldest->error = -static_cast<std::int64_t>(error);
    const bool moved = co_await move_one(ctx);
    if (!moved) break;
  }
  co_await consumers_.unlock(ctx);
}

Task<Value> ChainQueue::status(Sleepable& user, std::span<const std::uint64_t> named,
                               std::span<bool> over) {
  return syscall(user, Sysno::chain_status, status_body(user, named, over));
}

Task<Value> ChainQueue::status_body(Sleepable& ctx, std::span<const std::uint64_t> named,
                                    std::span<bool> over) {
  co_await ctx.spend(ctx.costs().event_wait);
  co_await ctx.spend(engine_.costs.status, named.size());
  std::int64_t ended = 0;
  for (std::size_t i = 0; i < named.size(); ++i) {
    over[i] = !under_way(named[i]);
    ended += over[i] ? 1 : 0;
  }
  co_return ended;
}

bool ChainQueue::under_way(std::uint64_t user_data) {
  const auto is = [user_data](const auto& each) { return each.user_data == user_data; };
  const auto walks = [user_data](Walker& each) { return each.run().cookie() == user_data; };
  return std::ranges::any_of(walkers_, walks) || std::ranges::any_of(ending_, is) ||
         ring_.holds(user_data);
}

Task<std::optional<ChainEvent>> ChainQueue::take(Sleepable& user) {
  using Taken = Task<std::optional<ChainEvent>>;
  return then(ring_.take(user), [this, &user](const std::optional<ChainEvent>& event) {
    if (!event) return Taken::ready(event);
    return then(user.spend(engine_.costs.user_reap), [event] { return Taken::ready(event); });
  });
}

}  // namespace iodrome::designs::task_chain
