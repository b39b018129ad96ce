// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/inotify/inotify_take.h"

namespace iodrome::kernel {

Task<Result<std::int64_t>> InotifyTake::try_run(Atomic& ctx, std::span<std::byte> to,
                                                IoWait& wait) {
  Inotify* const inotify = inotify_of(*file_);
  if (inotify == nullptr || to.size() < kInotifyLongest) co_return fail(Errno::einval);
  if (!event_) {
    co_await ctx.spend(ctx.costs().inotify_call);
    if (inotify->queue_.empty()) {
      wait_ = &wait;
      wait.expect();
      wait.stage = events::Stage::queue;
      inotify->takers_.push_back(*this);
      co_return fail(Errno::eagain);
    }
    event_ = inotify->pop();
  }
  const std::size_t bytes = Inotify::put(*event_, to);
  co_await ctx.spend(ctx.costs().inotify_copy);
  co_return static_cast<std::int64_t>(bytes);
}

// The one that has waited longest gets the oldest event, whatever comes before it looks.
Task<void> Inotify::serve(Atomic& ctx) {
  InotifyTake& first = takers_.front();
  first.unlink();
  first.event_ = pop();
  return first.wait_->arrived(ctx);
}

}  // namespace iodrome::kernel
