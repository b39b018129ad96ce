// SPDX-License-Identifier: Apache-2.0
// The application's way of learning of its chains' ends: what it does before it sleeps, how it
// sleeps, and how it finds out which completions were lost.
#pragma once
#include "model/designs/task_chain/chain_queue.h"
#include "model/kernel/epoll/epoll.h"

namespace iodrome::designs::task_chain {

/// The one thread that takes a queue's completions.
///
/// Before it sleeps it always looks at everything that may have come: a mechanism only tells of
/// what comes after that look.
class Consumer {
 public:
  Consumer(ChainEngine& engine, ChainQueue& queue) : engine_(engine), queue_(queue) {}

  /// Takes an entry, without a call.
  Task<std::optional<ChainEvent>> take(kernel::Sleepable& user);
  /// Sleeps until there may be something to take, completions may have been lost, or `woken` holds;
  /// it may be none of these.
  Task<void> wait(kernel::Sleepable& user, const WakeCondition& woken);
  /// `woken` may have come to hold: ends a wait that does not sleep in chain_wait, as a signal
  /// would. From outside the machine, at no CPU's cost.
  void interrupt(kernel::System& system);

  /// Whether the mapped count tells of more lost completions than were found.
  Task<bool> misses_any(kernel::Sleepable& user);
  /// Asks the kernel which of its chains under way have ended and takes whatever is in the ring:
  /// those that ended and have no entry were lost. The entries come with take().
  Task<std::vector<std::uint64_t>> find_lost(kernel::Sleepable& user,
                                             std::span<const std::uint64_t> mine);

 private:
  Task<bool> anything_new(kernel::Sleepable& user);
  Task<void> wait_in_epoll(kernel::Sleepable& user, const WakeCondition& woken);
  Task<void> wait_on_futex(kernel::Sleepable& user, const WakeCondition& woken);
  Task<void> wait_for_signal(kernel::Sleepable& user, const WakeCondition& woken);
  Task<void> poll(kernel::Sleepable& user, const WakeCondition& woken);
  Task<void> do_task_work(kernel::Sleepable& user);

  ChainEngine& engine_;
  ChainQueue& queue_;
  kernel::FilePtr epoll_;  // with `wake_by` eventfd, from the first wait on
  std::unique_ptr<kernel::ThreadSignals> signals_;  // with `wake_by` signal, likewise
  kernel::Thread* sleeper_ = nullptr;               // in a wait that interrupt() can end
  std::deque<ChainEvent> early_;                    // taken while looking for the lost
  std::uint32_t taken_ = 0;                         // wraps, as the mapped counts do
  std::uint32_t lost_ = 0;                          // and found
  std::uint32_t completed_ = 0;                     // at the last look
  std::uint32_t task_work_ = 0;                     // at the last look, who polls
};

}  // namespace iodrome::designs::task_chain
