// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/sync/io_wait.h"

namespace iodrome::kernel {

void add_waiter(IoWaitList& list, IoWait& wait) {
  auto* link = new IoWaitLink;
  link->wait = &wait;
  wait.expect();
  list.push_back(*link);
  wait.links.push_back(*link);
}

void withdraw(IoWait& wait) {
  while (!wait.links.empty()) {
    delete &wait.links.front();
    --wait.pending;
  }
}

Task<void> notify_one(Atomic& ctx, IoWaitList& list) {
  if (list.empty()) co_return;
  IoWaitLink* const link = &list.front();
  list.pop_front();
  IoWait& wait = *link->wait;
  delete link;
  co_await wait.arrived(ctx);
}

Task<void> notify_all(Atomic& ctx, IoWaitList& list) {
  IoWaitList now;
  now.swap(list);
  while (!now.empty()) co_await notify_one(ctx, now);
}

Task<void> BlockingWait::wait(const char* waits_for) {
  while (pending != 0) {
    const events::Stage while_waiting =
        sleeper_.ledger() != nullptr ? sleeper_.ledger()->stage() : events::Stage::queue;
    const bool owned =
        while_waiting == events::Stage::device || while_waiting == events::Stage::network;
    co_await queue_.wait(sleeper_, waits_for, owned ? while_waiting : stage);
  }
  // Also when nobody had to sleep: the arrival has left the request in its own context's stage.
  sleeper_.set_stage(sleeper_.stage());
}

Task<void> BlockingWait::wake(Atomic& ctx, IoWait& self) {
  co_await static_cast<BlockingWait&>(self).queue_.wake_one(ctx);
  if (ctx.ledger() == self.ledger) ctx.stop_work();  // from here on it is the woken thread's
}

}  // namespace iodrome::kernel
