// SPDX-License-Identifier: Apache-2.0
// A queue's ring and its notifier alone, with completions as a test makes them.
#pragma once
#include "model/designs/task_chain/notifier.h"
#include "tests/model/kernel/rig.h"

namespace iodrome::designs::task_chain {

using namespace kernel;

inline ChainParams ring_params(RingFull full, WakeBy wake = WakeBy::syscall,
                               std::int64_t entries = 4) {
  ChainParams params;
  params.ring_entries = entries;
  params.max_chains = 8;
  params.full = full;
  params.wake = wake;
  return params;
}

struct RingScene {
  explicit RingScene(const ChainParams& as)
      : params(as), ring(rig.system, costs, params, sleepers, 0x1000) {}

  /// Accepts a chain and ends it at once; false if it is not accepted.
  Task<bool> run_chain(Atomic& ctx, std::uint64_t user_data) {
    const bool room = co_await ring.room(ctx);
    if (!room) co_return false;
    ring.accept();
    co_await end_chain(ctx, user_data);
    co_return true;
  }
  Task<void> end_chain(Atomic& ctx, std::uint64_t user_data) {
    co_await ctx.spend(ring.end_cost());
    co_await ring.complete(ctx, {user_data, 0});
    co_await notifier.news(ctx);
  }
  /// Takes all that is in the ring.
  Task<std::vector<std::uint64_t>> take_all(Atomic& user) {
    std::vector<std::uint64_t> all;
    for (;;) {
      const std::optional<ChainEvent> event = co_await ring.take(user);
      if (!event) co_return all;
      all.push_back(event->user_data);
    }
  }
  Task<std::size_t> move_all(Atomic& ctx) {
    std::size_t moved = 0;
    for (;; ++moved) {
      const bool more = co_await ring.move_one(ctx);
      if (!more) co_return moved;
    }
  }

  Rig rig{2};
  ChainCosts costs;
  ChainParams params;
  WaitQueue sleepers{"chain"};
  FutexTable futexes{rig.system};
  Workqueue workqueue{rig.system, "kworker"};
  ProcessSignals signals{rig.system, 0};
  ChainRing ring;
  Notifier notifier{ring, params, sleepers, futexes, workqueue, signals};
};

using Entries = std::vector<std::uint64_t>;

}  // namespace iodrome::designs::task_chain
