// SPDX-License-Identifier: Apache-2.0
// Completions: "it has happened", told once to each of those who wait for it.
#pragma once
#include "model/kernel/sync/wait_queue.h"

namespace iodrome::kernel {

/// A count of complete() calls that nobody has waited for yet.
///
/// Order: waiters FIFO. Source: Linux Documentation/scheduler/completion.rst.
/// Differs: complete() looks at it once more after it has told, so it must outlive that call, also
/// where a waiter leaves by its deadline or a signal.
class Completion {
 public:
  explicit Completion(const char* name) : queue_(name) {}

  /// Sleeps until there is a complete() for this thread; a signal does not end it.
  Task<void> wait(Sleepable& ctx, events::Stage stage);
  /// The same until `deadline`, and until a signal if asked for. ok, ETIMEDOUT or ERESTARTSYS. What
  /// has completed by then is taken, whatever ended the sleep.
  Task<Result<void>> wait_for(Sleepable& ctx, events::Stage stage, SimTime deadline,
                              bool interruptible = false);
  /// Takes a complete() if there is one, and never sleeps.
  bool try_wait();
  bool done() const { return done_ != 0; }

  /// Lets one waiter go, now or when it comes. Legal in any context.
  Task<void> complete(Atomic& ctx);
  /// Lets everybody go, and all who come later, until reinit().
  Task<void> complete_all(Atomic& ctx);
  /// Forgets what has completed. Nobody may be waiting.
  void reinit() { done_ = 0; }

 private:
  static constexpr std::uint32_t kForEver = 0xffffffff;
  WaitQueue queue_;
  std::uint32_t done_ = 0;
};

}  // namespace iodrome::kernel
