// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/sync/wait_queue.h"

namespace iodrome::kernel {

Task<void> WaitQueue::wake_first(Atomic& ctx) {
  return then(ctx.spend(ctx.costs().try_to_wake_up), [this, &ctx] {
    if (sleepers_.empty()) return Task<void>::ready();  // somebody else woke it meanwhile
    Sleeper& sleeper = sleepers_.front();
    sleepers_.pop_front();
    wake_up(ctx.system(), *sleeper.thread, &ctx.cpu());
    return Task<void>::ready();
  });
}

Task<void> WaitQueue::wake_all(Atomic& ctx) {
  // Only those who sleep now: one that re-queues at once must not keep the waker here.
  for (std::size_t left = sleepers_.size(); left > 0; --left) co_await wake_one(ctx);
}

void WaitQueue::wake_from_outside(System& system) {
  while (!sleepers_.empty()) {
    Sleeper& sleeper = sleepers_.front();
    sleepers_.pop_front();
    wake_up(system, *sleeper.thread, nullptr);
  }
}

}  // namespace iodrome::kernel
