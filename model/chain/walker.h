// SPDX-License-Identifier: Apache-2.0
// The kernel-side walker: carries a chain from step to step, in whatever context the last one ended
// in if that is legal, and hands over where it is not.
//
// Invariants
//  1. One context at a time works on a walker: while it runs, an arrival only asks for another
//  look.
//  2. The submitter never sleeps for a chain: each step either ends, or arms the walker's wait and
//  returns.
//  3. What the chain opened is released at its end, whatever failed before.
#pragma once
#include <optional>

#include "model/chain/chain_run.h"
#include "model/kernel/kthread/kthread.h"
#include "model/kernel/vfs/write_ops.h"

namespace iodrome::chain {

struct WalkerCosts {
  kernel::Cost step;       // a step taken up: operands resolved, operation dispatched
  kernel::Cost hand_over;  // a walker passed to another context
};

/// Who goes on with a chain when something it waited for has arrived.
enum class Continue : std::uint8_t {
  cheapest,   // the interrupt handler itself where legal, else a softirq, else a kernel thread
  softirq,    // a softirq where legal, else a kernel thread
  kthread,    // always a thread of the pool
  workqueue,  // always the bound worker of the interrupted CPU
};

class Walker;

/// Where finished chains go, and the contexts that walkers are handed to.
class WalkerHost {
 public:
  virtual ~WalkerHost() = default;
  virtual kernel::Os& os() = 0;
  virtual kernel::FileTable& files() = 0;
  virtual WalkerCosts& walker_costs() = 0;
  virtual Continue policy() const = 0;
  virtual kernel::KthreadPool& threads() = 0;
  virtual kernel::Workqueue& workqueue() = 0;
  /// Runs the walker in a softirq of this CPU.
  virtual void defer_to_softirq(kernel::Atomic& ctx, Walker& walker) = 0;
  /// The chain has ended; results are in its run. The walker is gone afterwards.
  virtual Task<void> finished(kernel::Atomic& ctx, ChainRun& run) = 0;
};

class Walker final : public kernel::IoWait,
                     public kernel::Work,
                     public Pooled,
                     public boost::intrusive::list_base_hook<> {
 public:
  Walker(WalkerHost& host, ChainRun& run);

  /// Goes on from a thread: every step is legal.
  Task<void> advance(kernel::Sleepable& ctx) { return advance_in(ctx, &ctx); }
  /// Goes on from any context; steps that need a thread are handed over.
  Task<void> advance_atomic(kernel::Atomic& ctx) { return advance_in(ctx, nullptr); }
  /// Work: goes on in a kernel thread.
  Task<void> run(kernel::Sleepable& ctx) override { return advance(ctx); }

 private:
  static Task<void> arrived(kernel::Atomic& ctx, IoWait& self);
  static bool legal(const Step& step, kernel::Level level);
  Task<void> advance_in(kernel::Atomic& ctx, kernel::Sleepable* sleeper);
  Task<void> hand_over(kernel::Atomic& ctx);
  Task<Result<std::int64_t>> take_step(kernel::Atomic& ctx, kernel::Sleepable* sleeper,
                                       const Step& step);
  Task<Result<std::int64_t>> carry_out(kernel::Atomic& ctx, kernel::Sleepable* sleeper,
                                       const Step& step);
  Task<Result<std::int64_t>> open(kernel::Sleepable& ctx, const Step& step);
  Task<Result<std::int64_t>> stat(kernel::Atomic& ctx, const Step& step);
  Task<Result<std::int64_t>> close(kernel::Atomic& ctx, kernel::Sleepable* sleeper,
                                   const Step& step);
  Task<Result<std::int64_t>> read(kernel::Atomic& ctx, const Step& step);
  Task<Result<std::int64_t>> read_direct(kernel::Atomic& ctx, kernel::File& file, const Step& step);
  Task<Result<std::int64_t>> send(kernel::Atomic& ctx, const Step& step);
  Task<Result<std::int64_t>> write(kernel::Atomic& ctx, const Step& step);
  Task<Result<std::int64_t>> fsync(kernel::Atomic& ctx, const Step& step);
  bool only_collects() const;
  Result<kernel::FilePtr> file_of(const Step& step);
  void settle(const Result<std::int64_t>& result);
  bool at_end() const { return run_.next_step >= run_.chain.steps.size(); }

  WalkerHost& host_;
  ChainRun& run_;
  kernel::FilePtr opened_;
  std::optional<kernel::FileSend> sending_;
  std::optional<kernel::BufferedRead> reading_;
  std::optional<kernel::DirectRead> direct_read_;
  std::optional<kernel::RangeWrite> write_back_;  // before a direct read
  std::optional<kernel::FileWrite> writing_;
  std::optional<kernel::FileSync> syncing_;
  bool failed_ = false;  // a step that counts has failed: only a close is left to do
  bool running_ = false;
  bool look_again_ = false;
};

}  // namespace iodrome::chain
