// SPDX-License-Identifier: Apache-2.0
// The task-chain design, the kernel side: whole chains in by one call, one ring entry each out.
//
// What bounds the chains under way, and what becomes of a completion that finds the ring full, is
// ChainRing's matter; who is woken, Notifier's. Source: the design sketched on linux-kernel and
// linux-fsdevel, 2006-12-28 and 2007-01-03.
#pragma once
#include "model/designs/task_chain/carriers.h"
#include "model/designs/task_chain/notifier.h"
#include "model/designs/task_chain/submitters.h"
#include "model/kernel/sync/mutex.h"
#include "model/kernel/sync/spinlock.h"

namespace iodrome::designs::task_chain {

class ChainQueue;

/// What all chains of the machine share.
struct ChainEngine {
  ChainEngine(kernel::Os& os, designs::Process& process, providers::Registry& providers,
              ChainCosts& costs, const ChainParams& params);
  kernel::Os& os;
  designs::Process& process;
  providers::Registry& providers;
  ChainCosts& costs;
  const ChainParams& params;
  Carriers carriers;
  Submitters submitters;
  kernel::Workqueue workqueue;     // of wake-ups that an interrupt may not do
  kernel::FutexTable futexes;      // of the process
  kernel::ProcessSignals signals;  // SIGIO alone, which needs no room
  std::uint64_t rings = 0;         // mapped so far
  chain::Deliveries::Limit held;   // pages that wait for consumers, of all queues
  std::vector<ChainQueue*> queues;
  /// What `max_nr` limits, as /proc/sys/fs/aio-nr tells of AIO's: chains of all queues, each until
  /// its completion is in the ring, where it is the user's, or is lost, or its process has exited.
  std::uint64_t chain_nr() const;
  class Tasklet;
  std::unique_ptr<Tasklet> tasklet;
  ~ChainEngine();
};

class ChainQueue final : public chain::WalkerHost {
 public:
  ChainQueue(ChainEngine& engine, kernel::WaitQueue& sleepers);
  ~ChainQueue();

  /// chain_submit: every chain is validated before any runs. Returns how many were accepted.
  /// Errors: EINVAL, E2BIG, EFAULT (chain/validate.h; a bad chain anywhere); for the first, EAGAIN
  /// (no ring slot; `max_chains` of this queue, or `max_nr` of all, are in the kernel), ENOMEM.
  Task<Result<std::int64_t>> submit(kernel::Sleepable& user, std::span<ChainRun* const> runs);
  /// chain_wait: moves completions from the list into the ring while there is room, then sleeps
  /// until an entry is visible, more than `dropped` are lost or `woken` holds. Errors: EINTR, a
  /// signal came first, or the process exits.
  Task<Result<std::int64_t>> wait(kernel::Sleepable& user, const WakeCondition& woken,
                                  std::uint32_t dropped = 0);
  /// chain_wait that does not sleep.
  Task<Result<std::int64_t>> flush(kernel::Sleepable& user);
  /// chain_status: which of the chains have ended, and their completion neither is on its way to
  /// the ring nor can still come there. Returns how many; `over` has a place for each.
  Task<Result<std::int64_t>> status(kernel::Sleepable& user, std::span<const std::uint64_t> named,
                                    std::span<bool> over);
  /// chain_cancel: the chain with that user data, or all. Returns how many have nothing but
  /// clean-up left to do. Each still posts its entry. Errors: ENOENT (no such chain is under way),
  /// EALREADY (a step that nothing can stop, say at a device, is left to end first).
  Task<Result<std::int64_t>> cancel(kernel::Sleepable& user, std::optional<std::uint64_t> one);
  /// exit_group: the process ends. Chains of all its queues are cancelled and waited for, so that
  /// nothing works on memory that is given back; clean-up steps still run, and nobody is told. Then
  /// its descriptors are closed. Threads in chain_wait or chain_submit meanwhile get EINTR, as the
  /// killed do.
  ///
  /// Differs from Linux: the caller's thread must end of itself; who sleeps in epoll or on a futex
  /// is not woken.
  Task<void> exit(kernel::Sleepable& user);
  /// The part of it that a kernel::Process's end calls, in the kernel already; descriptors are that
  /// one's to close.
  Task<void> exit_chains(kernel::Sleepable& ctx);
  /// User: takes an entry from the ring, no call.
  Task<std::optional<ChainEvent>> take(kernel::Sleepable& user);

  ChainRing& ring() { return ring_; }
  /// For checks.
  std::uint64_t slots_free() { return ring_.slots_free(); }
  RingCounts counts() const { return ring_.counts(); }
  std::uint64_t in_kernel() const { return ring_.in_kernel(); }
  /// What is signalled with `wake_by` eventfd, else nullptr.
  const kernel::FilePtr& eventfd() const { return notifier_.eventfd(); }
  /// Who is signalled with `wake_by` signal.
  void signal_to(kernel::ThreadSignals& listener) { notifier_.signal_to(listener); }

  // chain::WalkerHost
  kernel::Os& os() override { return engine_.os; }
  kernel::FileTable& files() override { return engine_.process.files; }
  chain::WalkerCosts& walker_costs() override { return engine_.costs.walker; }
  providers::Registry& providers() override { return engine_.providers; }
  chain::Continue policy() const override { return engine_.params.policy; }
  chain::UserCopy user_copy() const override { return engine_.params.copy_way; }
  chain::Deliveries& deliveries() override { return deliveries_; }
  kernel::KthreadPool& threads() override { return engine_.carriers.shared(); }
  Task<void> hand_to_thread(kernel::Atomic& ctx, chain::Branch& branch) override {
    return engine_.carriers.queue(ctx, branch, carrier_of(engine_.params.policy));
  }
  Task<void> hand_to_submitter(kernel::Atomic& ctx, chain::Branch& branch) override;
  void defer_to_softirq(kernel::Atomic& ctx, chain::Branch& branch) override;
  Task<void> finished(kernel::Atomic& ctx, chain::Walker& walker) override;

 private:
  Task<Result<std::int64_t>> submit_body(kernel::Sleepable& ctx, std::span<ChainRun* const> runs);
  Task<Result<std::int64_t>> wait_body(kernel::Sleepable& ctx, const WakeCondition& woken,
                                       std::uint32_t dropped);
  Task<Result<std::int64_t>> flush_body(kernel::Sleepable& ctx);
  Task<Result<std::int64_t>> status_body(kernel::Sleepable& ctx,
                                         std::span<const std::uint64_t> named,
                                         std::span<bool> over);
  bool under_way(std::uint64_t user_data);
  Task<void> move_held(kernel::Sleepable& ctx);
  Task<void> deliver_and_move(kernel::Sleepable& ctx);
  Task<void> forget_completions(kernel::Sleepable& ctx);
  Task<bool> move_one(kernel::Sleepable& ctx);
  Task<void> begin(kernel::Sleepable& ctx, ChainRun& run);
  Task<void> start(kernel::Sleepable& ctx, chain::Walker& walker);
  bool must_wait(const chain::Walker& walker) const;
  Task<void> begin_held(kernel::Atomic& ctx);
  Task<bool> sleep(kernel::Sleepable& ctx);
  /// A chain of it has not ended, or its completion is on its way.
  bool busy() const { return !walkers_.empty() || !ending_.empty(); }
  Task<Result<std::int64_t>> exit_body(kernel::Sleepable& ctx);
  Task<Result<std::int64_t>> cancel_body(kernel::Sleepable& ctx, std::optional<std::uint64_t> one);

  ChainEngine& engine_;
  kernel::WaitQueue& sleepers_;
  // A chain that has ended, and whose completion has not come where it belongs.
  struct Ending : boost::intrusive::list_base_hook<
                      boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
    std::uint64_t user_data = 0;
  };

  ChainRing ring_;
  Notifier notifier_;
  kernel::Spinlock lock_{"chain_queue.lock"};
  // Of consumers that copy: an entry may be seen once its bytes are there.
  kernel::Mutex consumers_{"chain_queue.consumers"};
  chain::Deliveries deliveries_;
  boost::intrusive::list<chain::Walker> walkers_;  // oldest first
  boost::intrusive::list<Ending, boost::intrusive::constant_time_size<false>> ending_;
  std::uint32_t drains_ = 0;  // of walkers_, those that drain
  bool exiting_ = false;      // its process ends
  kernel::WaitQueue last_chain_{"exit"};
};

}  // namespace iodrome::designs::task_chain
