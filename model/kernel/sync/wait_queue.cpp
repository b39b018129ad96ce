// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/sync/wait_queue.h"

namespace iodrome::kernel {

// Wakes one of the first `oldest` sleepers.
Task<void> WaitQueue::wake_among(Atomic& ctx, std::size_t oldest) {
  return then(ctx.spend(ctx.costs().try_to_wake_up), [this, &ctx, oldest] {
    if (sleepers_.empty()) return Task<void>::ready();  // somebody else woke it meanwhile
    const auto options = static_cast<std::uint32_t>(std::min(oldest, sleepers_.size()));
    auto sleeper = sleepers_.begin();
    std::advance(sleeper, ctx.system().timeline.choices().choose(Choice::wake, options, name_));
    Thread& thread = *sleeper->thread;
    sleepers_.erase(sleeper);
    wake_up(ctx.system(), thread, &ctx.cpu());
    return Task<void>::ready();
  });
}

Task<void> WaitQueue::wake_all(Atomic& ctx) {
  // Only those who sleep now: one that re-queues at once must not keep the waker here.
  for (std::size_t left = sleepers_.size(); left > 0 && !sleepers_.empty(); --left)
    co_await wake_among(ctx, left);
}

void WaitQueue::wake_from_outside(System& system) {
  while (!sleepers_.empty()) {
    Sleeper& sleeper = sleepers_.front();
    sleepers_.pop_front();
    wake_up(system, *sleeper.thread, nullptr);
  }
}

}  // namespace iodrome::kernel
