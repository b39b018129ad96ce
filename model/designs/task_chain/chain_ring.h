// SPDX-License-Identifier: Apache-2.0
// A queue's completion ring with what becomes of completions that find no room in it.
//
// Invariants
//  1. Every accepted chain is one of: in the kernel, on the list, in the ring or taken, dropped; or
//  it was forgotten, as all are that its process's exit finds in the kernel or on the list.
//  2. While the list holds anything, what ends goes behind it: entries are seen in the order in
//  which chains ended.
//  3. The kernel's counts are its own; no word of the user's is read but the head.
#pragma once
#include <deque>

#include "model/designs/task_chain/chain_params.h"
#include "model/kernel/ring/completion_ring.h"
#include "model/kernel/sync/futex.h"

namespace iodrome::designs::task_chain {

struct ChainEvent {
  std::uint64_t user_data = 0;
  std::int64_t error = 0;  // 0, or minus the errno of the first step that failed
};

/// What became of completions that did not go straight into the ring.
struct RingCounts {
  std::uint64_t held = 0;     // put on the ready list
  std::uint64_t spilled = 0;  // put into an overflow entry
  std::uint64_t dropped = 0;
  std::uint64_t high_water = 0;  // most entries in the ring at once

  void merge(const RingCounts& other);
};

class ChainRing {
 public:
  /// `address` is where the words stand in user memory, a multiple of 64.
  ChainRing(kernel::System& system, ChainCosts& costs, const ChainParams& params,
            kernel::WaitQueue& sleepers, std::uint64_t address);

  // Kernel. Where it says so, the caller holds the producers' lock.

  /// Whether one more chain may be accepted: with `reserve` there is a slot for it, else fewer than
  /// `max_chains` are in the kernel.
  Task<bool> room(kernel::Atomic& ctx);
  void accept() { ++accepted_; }
  /// It ends, and nobody is to be told: its process exits.
  void forget() { --accepted_; }
  /// The same of every completion that waits outside the ring; the mapped count takes them back,
  /// or whoever looks at it would ask for them for ever. With the lock, and no consumer may be at
  /// next_to_move()'s.
  Task<void> forget_held(kernel::Atomic& ctx);
  /// What ending a chain costs the context that it ends in.
  kernel::Cost& end_cost() {
    return params_.full == RingFull::hold ? costs_.ready_list : costs_.ring_post;
  }
  /// A chain has ended, in any context. With the lock.
  Task<void> complete(kernel::Atomic& ctx, const ChainEvent& event);
  /// Whether completions wait outside the ring.
  bool holds_any() const { return !held_.empty(); }
  /// A submitter that polls has task work; as IORING_SQ_TASKRUN, but counted.
  Task<void> tell_task_work(kernel::Atomic& ctx);
  /// The oldest of them, if there is room for it, else nullptr.
  Task<ChainEvent*> next_to_move(kernel::Atomic& ctx);
  /// Moves the oldest of them into the ring. False: none is left, or there is no room. With the
  /// lock.
  Task<bool> move_one(kernel::Atomic& ctx);
  /// Whether the chain's completion waits outside the ring.
  bool holds(std::uint64_t user_data) const;

  /// Completions that the user has not taken, as far as its head tells, and since when the oldest
  /// of them is there; that is kept where completions are batched alone.
  struct Untaken {
    std::size_t count = 0;
    SimTime oldest{};
  };
  Task<Untaken> untaken(kernel::Atomic& ctx);
  std::uint64_t dropped() const { return dropped_; }
  /// Chains that own a place of the kernel's: what is in the ring is the user's.
  std::uint64_t in_kernel() const { return accepted_ - ring_.posted() - dropped_; }
  RingCounts counts() const;

  // User.

  auto take(kernel::Atomic& user) { return ring_.take(user); }
  /// What the mapped words say. `completed` counts what has ended, and is read first; both numbers
  /// wrap, and are kept where somebody may need them alone.
  struct View {
    std::uint32_t completed = 0;
    bool entries = false;
    std::uint32_t dropped = 0;
  };
  Task<View> look(kernel::Atomic& user);
  /// How often tell_task_work() was called; wraps.
  auto task_work_told(kernel::Atomic& user) { return task_work_word_.load_acquire(user); }
  /// The word that counts completions; with `reserve`, the tail by another name.
  kernel::FutexWord& completed() { return completed_; }

  std::uint32_t size() const { return ring_.size(); }
  /// For checks: slots that neither a chain in the kernel nor an entry owns.
  std::uint64_t slots_free() {
    return ring_.size() - in_kernel() - (ring_.posted() - ring_.user_words().head.peek());
  }
  std::uint32_t posted() const { return static_cast<std::uint32_t>(ring_.posted()); }
  /// For tests of what a user may write there.
  auto user_words() { return ring_.user_words(); }

 private:
  struct Held {
    ChainEvent event;
    SimTime since;
  };
  void note_time(SimTime since);
  Task<void> hold(kernel::Atomic& ctx, const ChainEvent& event);
  Task<void> spill(kernel::Atomic& ctx, ChainEvent event);
  Task<void> drop(kernel::Atomic& ctx);
  Task<void> publish(kernel::Atomic& ctx);

  kernel::System& system_;
  ChainCosts& costs_;
  const ChainParams& params_;
  kernel::CompletionRing<ChainEvent> ring_;
  kernel::FutexWord completed_;
  Shared<std::uint32_t> dropped_word_;
  Shared<std::uint32_t> task_work_word_;
  std::uint32_t task_work_told_ = 0;
  std::deque<Held> held_;       // the ready list, or the overflow entries
  std::vector<SimTime> since_;  // by slot, where completions are batched
  std::uint64_t accepted_ = 0;
  std::uint64_t ended_ = 0;
  std::uint64_t dropped_ = 0;
  std::uint64_t listed_ = 0;  // ever put into held_
};

}  // namespace iodrome::designs::task_chain
