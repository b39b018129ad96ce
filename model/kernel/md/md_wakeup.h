// SPDX-License-Identifier: Apache-2.0
// How an array's thread is woken.
#pragma once
#include <utility>

#include "model/kernel/sync/wait_queue.h"

namespace iodrome::kernel {

/// A wake-up that is not lost on a thread that works. Source: Linux md_wakeup_thread() and
/// THREAD_WAKEUP.
class MdWakeup {
 public:
  /// Legal in any context.
  Task<void> wake(Atomic& ctx) {
    wanted_ = true;
    return queue_.wake_one(ctx);
  }
  /// For the thread: sleeps unless it has been woken since.
  Task<void> wait(Sleepable& ctx) {
    while (!wanted_) co_await queue_.wait(ctx, "stripes", events::Stage::queue);
    wanted_ = false;
  }

 private:
  bool wanted_ = false;
  WaitQueue queue_{"md"};
};

}  // namespace iodrome::kernel
