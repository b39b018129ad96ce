// SPDX-License-Identifier: Apache-2.0
// Chains over a disk of constant latency, submitted and reaped by one thread.
#pragma once
#include "model/designs/task_chain/chain_queue.h"
#include "model/providers/cpu_provider.h"
#include "tests/model/kernel/disk.h"
#include "tests/model/testbed/scripted.h"

namespace iodrome::designs::task_chain {

using namespace kernel;
using namespace tests;

struct Never final : WakeCondition {
  bool holds() const override { return false; }
  bool possible() const override { return false; }
};

/// All there are of who goes on with a chain.
inline constexpr chain::Continue kPolicies[] = {
    chain::Continue::cheapest,          chain::Continue::hardirq,
    chain::Continue::softirq,           chain::Continue::kthread,
    chain::Continue::workqueue,         chain::Continue::workqueue_unbound,
    chain::Continue::workqueue_highpri, chain::Continue::kthread_per_request,
    chain::Continue::submitter};

/// All there are of how bytes of reads reach user memory.
inline constexpr chain::UserCopy kUserCopies[] = {chain::UserCopy::pinned, chain::UserCopy::thread,
                                                  chain::UserCopy::provider,
                                                  chain::UserCopy::consumer};

struct Scene : DiskRig {
  explicit Scene(chain::Continue continue_in = chain::Continue::cheapest,
                 providers::CpuQueue provider = providers::CpuQueue::caller,
                 std::uint32_t provider_room = 4)
      : Scene(params_of(continue_in), provider, provider_room) {}
  explicit Scene(const ChainParams& as, providers::CpuQueue provider = providers::CpuQueue::caller,
                 std::uint32_t provider_room = 4)
      : DiskRig(2),
        params(as),
        registry(*chooser, choosing),
        cpu(rig.system,
            {{500'000'000},
             {1'000'000'000},
             {300'000'000},
             {400'000'000},
             {100'000'000},
             {200'000'000},
             {50'000'000}},
            provider, provider_room),
        engine(os, process, registry, costs, params),
        queue(engine, sleepers) {
    registry.add(cpu);
    disk.irq_cpu = 1;
    if (as.start_by >= Carrier::workqueue || carrier_of(as.policy) >= Carrier::workqueue) {
      rig.system.scheduler.hz = 1000;  // worker pools have timers
      rig.system.scheduler.latency = 100ms;
    }
    file(path, 100'000);
  }
  static ChainParams params_of(chain::Continue continue_in) {
    ChainParams params;
    params.ring_entries = 4;
    params.max_steps = 64;
    params.threads = 2;
    params.policy = continue_in;
    params.start_by = carrier_of(continue_in);
    return params;
  }
  /// Before anything is submitted.
  void copy_by(chain::UserCopy way) {
    params.copy_way = way;
    if (way != chain::UserCopy::consumer) return;
    params.full = RingFull::hold;
    params.max_chains = 4;  // as many as the ring would reserve for
    engine.held.most = 1000;
  }
  ChainRun& run(std::vector<chain::Step> steps) {
    runs.emplace_back();
    ChainRun& added = runs.back();
    added.slot = static_cast<std::uint32_t>(runs.size() - 1);
    added.chain.steps.assign(steps.begin(), steps.end());
    added.direct = true;
    added.buffer = pages(8);
    added.start(rig.timeline.now());
    return added;
  }
  /// Nobody is left in a thread of its own, on a workqueue, or with a submitter; no page waits.
  bool carriers_rest() const {
    return engine.carriers.own_threads() == 0 && engine.carriers.workqueues_empty() &&
           engine.submitters.empty() && engine.held.used == 0;
  }
  std::string path = "/f";
  std::string missing = "/missing";
  Process process{16};
  ChainCosts costs;
  ChainParams params;
  WaitQueue sleepers{"chain"};
  std::unique_ptr<providers::Policy> chooser = providers::make_policy("first_fit");
  providers::RegistryCosts choosing;
  providers::Registry registry;
  providers::CpuProvider cpu;
  ChainEngine engine;
  ChainQueue queue;
  std::deque<ChainRun> runs;
};

using Results = std::vector<std::int64_t>;

inline Results results(const ChainRun& run) {
  return {run.results.begin(), run.results.end()};
}
inline std::int64_t error(Errno number) {
  return -static_cast<std::int64_t>(number);
}

// Submits all chains at once and takes as many events as were accepted.
inline Task<void> submit_and_take(Sleepable& ctx, Scene& s) {
  const Never never;
  std::vector<ChainRun*> all;
  for (ChainRun& run : s.runs) all.push_back(&run);
  const Result<std::int64_t> accepted = co_await s.queue.submit(ctx, all);
  CHECK(accepted == static_cast<std::int64_t>(all.size()));
  for (std::int64_t left = *accepted; left > 0; --left) {
    co_await s.queue.wait(ctx, never);
    const std::optional<ChainEvent> event = co_await s.queue.take(ctx);
    REQUIRE(event);
  }
  const std::optional<ChainEvent> none = co_await s.queue.take(ctx);
  CHECK_FALSE(none);
}

inline void play_all(Scene& s) {
  Thread& thread = s.rig.thread(0, s, submit_and_take);
  s.rig.run();
  CHECK(thread.state == Thread::State::dead);
  CHECK(s.queue.slots_free() == 4);
  CHECK(s.carriers_rest());
}

}  // namespace iodrome::designs::task_chain
