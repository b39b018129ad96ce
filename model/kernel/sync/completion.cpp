// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/sync/completion.h"

namespace iodrome::kernel {

bool Completion::try_wait() {
  if (done_ == 0) return false;
  if (done_ != kForEver) --done_;
  return true;
}

Task<void> Completion::wait(Sleepable& ctx, events::Stage stage) {
  while (!try_wait()) co_await queue_.wait(ctx, queue_.name(), stage);
}

Task<Result<void>> Completion::wait_for(Sleepable& ctx, events::Stage stage, SimTime deadline,
                                        bool interruptible) {
  const WaitOptions options{true, interruptible, deadline};
  while (!try_wait()) {
    const WaitOutcome outcome = co_await queue_.wait_for(ctx, queue_.name(), stage, options);
    if (outcome == WaitOutcome::woken) continue;
    if (try_wait()) break;
    co_return fail(errno_of(outcome));
  }
  co_return Result<void>{};
}

Task<void> Completion::complete(Atomic& ctx) {
  if (done_ != kForEver) ++done_;
  return queue_.wake_one(ctx);
}

Task<void> Completion::complete_all(Atomic& ctx) {
  done_ = kForEver;
  return queue_.wake_all(ctx);
}

}  // namespace iodrome::kernel
