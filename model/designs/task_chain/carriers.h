// SPDX-License-Identifier: Apache-2.0
// The kernel threads that carry chains on: the shared ones, workers of the kernel's managed
// workqueues, or one of a chain's own.
//
// The workqueues have the default max_active and no rescuer, since nobody waits for a chain to free
// memory. They take items in their order, whichever chain's; a chain never sleeps for I/O in one.
//
// Of a chain's priority the shared threads make the order in which they take what waits, workqueues
// a pool of nice -20 for the class rt, and a thread of its own a nice value: level n of best effort
// is 5n - 20, as task_nice_ioprio() has it the other way round, rt -20, idle 19.
#pragma once
#include "model/designs/task_chain/chain_params.h"
#include "model/designs/task_chain/owned.h"
#include "model/kernel/kthread/kthreadd.h"
#include "model/kernel/workqueue/workqueue.h"

namespace iodrome::designs::task_chain {

class Carriers {
 public:
  /// Makes the threads that the parameters ask for, and no others.
  Carriers(kernel::System& system, const ChainParams& params);
  ~Carriers();

  /// Runs the branch in a thread of that kind, in the order of the calls. Legal in any context.
  ///
  /// Each call is an item or a request of its own. Where no thread of its own can be made, a branch
  /// goes on in a shared one, and does not block there.
  Task<void> queue(kernel::Atomic& ctx, chain::Branch& branch, Carrier carrier);

  kernel::KthreadPool& shared() { return shared_; }
  /// For checks: threads of chains' own that have not come to their end.
  std::size_t own_threads() const { return own_ == nullptr ? 0 : own_->threads(); }
  /// For checks: no workqueue has an item.
  bool workqueues_empty() const;
  /// For checks: calls whose branch no thread has yet, the shared ones' left out.
  std::size_t waiting() const { return waiting_.size(); }

 private:
  class Item;
  class OwnThread;
  static constexpr int kQueues = 4;  // bound, unbound, both of nice -20
  kernel::wq::Workqueue& made(int index);

  OwnedList waiting_;  // outlives the queues that they stand in
  kernel::KthreadPool shared_;
  std::unique_ptr<kernel::wq::Pools> pools_;
  std::unique_ptr<kernel::wq::Workqueue> queues_[kQueues];
  std::unique_ptr<kernel::Kthreadd> own_;
};

}  // namespace iodrome::designs::task_chain
