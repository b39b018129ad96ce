// SPDX-License-Identifier: Apache-2.0
// One chain in the kernel: what its branches share, and where it ends.
//
// Invariants
//  1. The submitter never sleeps for a chain: each step either ends, or arms its branch's wait and
//  returns.
//  2. What the chain opened is released at its end, whatever failed before.
#pragma once
#include <memory>
#include <utility>

#include "model/chain/branch.h"
#include "model/chain/deadline.h"
#include "model/chain/delivery.h"

namespace iodrome::chain {

struct WalkerCosts {
  kernel::Cost step;       // a step taken up: operands resolved, operation dispatched
  kernel::Cost hand_over;  // a branch passed to another context
};

/// Who goes on with a chain when something it waited for has arrived.
enum class Continue : std::uint8_t {
  cheapest,             // the interrupt handler itself where legal, else a softirq, else a thread
  hardirq,              // the interrupt handler itself where legal, else a thread of the pool
  softirq,              // a softirq where legal, else a thread of the pool
  kthread,              // always a thread of the pool
  kthread_per_request,  // a thread of the chain's own, which blocks for it until its end
  workqueue,            // always a worker bound to the interrupted CPU
  workqueue_unbound,    // always a worker, wherever the scheduler puts it
  workqueue_highpri,    // always a worker bound to the interrupted CPU, of nice -20
  submitter,            // the thread that submitted it, as task work
};

/// How the bytes of a buffered read reach user memory.
enum class UserCopy : std::uint8_t {
  pinned,    // its pages are pinned, and whoever finds the file's page copies
  thread,    // by a thread: the submitter, or a kernel thread that borrows its address space
  provider,  // pinned, and a provider copies
  consumer,  // by the thread that takes the chain's end, in its call; else as pinned
};

/// Where finished chains go, and the contexts that branches are handed to.
class WalkerHost {
 public:
  virtual ~WalkerHost() = default;
  virtual kernel::Os& os() = 0;
  virtual kernel::FileTable& files() = 0;
  virtual WalkerCosts& walker_costs() = 0;
  virtual providers::Registry& providers() = 0;
  virtual Continue policy() const = 0;
  virtual UserCopy user_copy() const = 0;
  /// Where the bytes of reads wait with UserCopy::consumer.
  virtual Deliveries& deliveries() = 0;
  virtual kernel::KthreadPool& threads() = 0;
  /// Runs the branch in a kernel thread of the kind that goes on with chains.
  virtual Task<void> hand_to_thread(kernel::Atomic& ctx, Branch& branch) = 0;
  /// Runs the branch in the thread that submitted its chain.
  virtual Task<void> hand_to_submitter(kernel::Atomic& ctx, Branch& branch) = 0;
  /// Runs the branch in a softirq of this CPU.
  virtual void defer_to_softirq(kernel::Atomic& ctx, Branch& branch) = 0;
  /// The chain has ended; results are in its run. The walker is gone afterwards.
  virtual Task<void> finished(kernel::Atomic& ctx, Walker& walker) = 0;
};

class Walker : public Pooled, public boost::intrusive::list_base_hook<> {
 public:
  Walker(WalkerHost& host, ChainRun& run);

  /// Before it begins: its time runs, if it has a deadline.
  Task<void> arm(kernel::Atomic& ctx);
  /// It does not begin yet; a cancellation lets go of it too.
  void hold() { held_ = true; }
  /// True if it was held: its work is then to be queued.
  bool let_go() { return std::exchange(held_, false); }
  /// Begins with the first steps, in a thread: each is legal there.
  Task<void> start(kernel::Sleepable& ctx) { return first_.advance(ctx); }
  /// What begins in a kernel thread instead.
  Branch& first() { return first_; }
  /// Cancels the chain: what has not begun never will; a step that waits for another's page, a
  /// peer, an event or a time ends now, any other by itself, say when the device has done; clean-up
  /// follows. Returns ok if nothing but clean-up is left to do, or EALREADY if a step cannot be
  /// stopped. `why` is the chain's error if that keeps a step from its end. The walker may be gone
  /// afterwards.
  Task<Errno> cancel(kernel::Sleepable& ctx, Errno why);
  /// From now on nothing begins but clean-up; what waits goes on waiting. Any context.
  void stop(Errno why) {
    cancelled_ = true;
    run_.course.stop(why);
  }
  /// Its process ends: clean-up that waits for a peer or an event ends with a cancellation too.
  void abandon() { abandoned_ = true; }
  /// It has ended; nothing will call it any more.
  Task<void> disarm(kernel::Atomic& ctx);

  WalkerHost& host() { return host_; }
  ChainRun& run() { return run_; }
  const ChainRun& run() const { return run_; }
  bool cancelled() const { return cancelled_; }
  /// Who submitted it, by the host's numbers; nobody's concern but the host's.
  std::uint32_t submitted_by() const { return submitted_by_; }
  void set_submitted_by(std::uint32_t number) { submitted_by_ = number; }

 private:
  friend class Branch;
  /// The files that its open steps have opened, until they are closed.
  struct Opened {
    std::size_t step;
    kernel::FilePtr file;
  };
  kernel::FilePtr* opened_by(std::int16_t step);
  void keep_open(std::size_t step, kernel::FilePtr file);

  WalkerHost& host_;
  ChainRun& run_;
  std::unique_ptr<Deadline> deadline_;
  boost::container::small_vector<Opened, 1> opened_;
  boost::intrusive::list<Branch, boost::intrusive::base_hook<InWalker>,
                         boost::intrusive::constant_time_size<false>>
      branches_;
  Branch first_;
  bool cancelled_ = false;
  bool held_ = false;
  bool abandoned_ = false;
  std::uint32_t submitted_by_ = 0;
};

}  // namespace iodrome::chain
