// SPDX-License-Identifier: Apache-2.0
// The task-chain design, the kernel side: whole chains in by one call, one ring entry each out.
//
// Every accepted chain owns a future ring slot: the ring cannot overflow, back-pressure is EAGAIN
// at submit. Source: the design sketched on linux-kernel and linux-fsdevel, 2006-12-28 and
// 2007-01-03.
#pragma once
#include "model/chain/walker.h"
#include "model/designs/design.h"
#include "model/kernel/ring/completion_ring.h"
#include "model/kernel/sync/spinlock.h"

namespace iodrome::designs::task_chain {

struct ChainCosts {
  kernel::Cost user_build;   // user: a chain's descriptor filled in, per step
  kernel::Cost submit_call;  // chain_submit's own work, per call
  kernel::Cost accept;       // per chain: copied in, allocated, slot reserved
  kernel::Cost validate;     // per step: checked before anything runs
  kernel::Cost cancel;       // chain_cancel's own work, per chain looked at
  kernel::Cost ring_post;    // the result written and the entry posted
  kernel::Cost user_reap;    // user: an entry read
  chain::WalkerCosts walker;
};

struct ChainParams {
  std::int64_t ring_entries = 0;
  std::int64_t max_steps = 0;
  std::int64_t threads = 0;  // kernel threads that any chain may use
  std::string continue_in;   // cheapest | softirq | kthread | workqueue
  std::string start_in;      // submitter | kthread
  chain::Continue policy = chain::Continue::cheapest;
  bool start_in_submitter = true;
  std::string user_copy = "pinned";  // pinned | thread | provider
  chain::UserCopy copy_way = chain::UserCopy::pinned;
};

/// What all chains of the machine share.
struct ChainEngine {
  ChainEngine(kernel::Os& os, designs::Process& process, providers::Registry& providers,
              ChainCosts& costs, const ChainParams& params);
  kernel::Os& os;
  designs::Process& process;
  providers::Registry& providers;
  ChainCosts& costs;
  const ChainParams& params;
  kernel::KthreadPool threads;
  kernel::Workqueue workqueue;
  class Tasklet;
  std::unique_ptr<Tasklet> tasklet;
  ~ChainEngine();
};

struct ChainEvent {
  std::uint64_t user_data = 0;
  std::int64_t error = 0;  // 0, or minus the errno of the first step that failed
};

class ChainQueue final : public chain::WalkerHost {
 public:
  ChainQueue(ChainEngine& engine, kernel::WaitQueue& sleepers);

  /// chain_submit: every chain is validated before any runs. Returns how many were accepted.
  /// Errors: EINVAL, E2BIG, EFAULT (chain/validate.h; a bad chain anywhere); for the first, EAGAIN
  /// (no ring slot), ENOMEM.
  Task<Result<std::int64_t>> submit(kernel::Sleepable& user, std::span<ChainRun* const> runs);
  /// chain_wait: sleeps until an entry is visible or `woken` holds.
  Task<Result<std::int64_t>> wait(kernel::Sleepable& user, const WakeCondition& woken);
  /// chain_cancel: the chain with that user data, or all. Returns how many have nothing but
  /// clean-up left to do. Each still posts its entry. Errors: ENOENT (no such chain is under way),
  /// EALREADY (a step that nothing can stop, say at a device, is left to end first).
  Task<Result<std::int64_t>> cancel(kernel::Sleepable& user, std::optional<std::uint64_t> one);
  /// exit_group: the process ends. Its chains are cancelled and waited for, so that nothing works
  /// on memory that is given back; clean-up steps still run, and nobody is told. Then its
  /// descriptors are closed. Threads that wait or submit meanwhile get EINTR, as the killed do.
  ///
  /// Differs from Linux: the caller's thread must end of itself.
  Task<void> exit(kernel::Sleepable& user);
  /// User: takes an entry from the ring, no call.
  Task<std::optional<ChainEvent>> take(kernel::Sleepable& user);

  std::uint32_t slots_free() const { return ring_.size() - in_flight_; }

  // chain::WalkerHost
  kernel::Os& os() override { return engine_.os; }
  kernel::FileTable& files() override { return engine_.process.files; }
  chain::WalkerCosts& walker_costs() override { return engine_.costs.walker; }
  providers::Registry& providers() override { return engine_.providers; }
  chain::Continue policy() const override { return engine_.params.policy; }
  chain::UserCopy user_copy() const override { return engine_.params.copy_way; }
  kernel::KthreadPool& threads() override { return engine_.threads; }
  kernel::Workqueue& workqueue() override { return engine_.workqueue; }
  void defer_to_softirq(kernel::Atomic& ctx, chain::Branch& branch) override;
  Task<void> finished(kernel::Atomic& ctx, chain::Walker& walker) override;

 private:
  Task<Result<std::int64_t>> submit_body(kernel::Sleepable& ctx, std::span<ChainRun* const> runs);
  Task<Result<std::int64_t>> wait_body(kernel::Sleepable& ctx, const WakeCondition& woken);
  bool must_wait(const chain::Walker& walker) const;
  Task<void> begin_held(kernel::Atomic& ctx);
  Task<Result<std::int64_t>> exit_body(kernel::Sleepable& ctx);
  Task<Result<std::int64_t>> cancel_body(kernel::Sleepable& ctx, std::optional<std::uint64_t> one);

  ChainEngine& engine_;
  kernel::WaitQueue& sleepers_;
  kernel::CompletionRing<ChainEvent> ring_;
  kernel::Spinlock lock_{"chain_queue.lock"};
  boost::intrusive::list<chain::Walker> walkers_;  // oldest first
  std::uint32_t in_flight_ = 0;                    // accepted, and not yet taken out of the ring
  std::uint32_t drains_ = 0;                       // of walkers_, those that drain
  bool exiting_ = false;                           // its process ends
  kernel::WaitQueue last_chain_{"exit"};
};

}  // namespace iodrome::designs::task_chain
