// SPDX-License-Identifier: Apache-2.0
// One thread that submits chains over a disk and takes their ends as an application does, whatever
// the ring's policy and the wake-up.
#pragma once
#include "model/designs/task_chain/consumer.h"
#include "tests/model/designs/task_chain/scene.h"

namespace iodrome::designs::task_chain {

/// Wakes on request, from outside.
struct Bell final : WakeCondition {
  bool holds() const override { return rung; }
  bool possible() const override { return true; }
  bool rung = false;
};

struct Session : Scene {
  explicit Session(const ChainParams& as) : Scene(as) { costs.user_poll.each = 200ns; }
  /// Chains that end at different times: some in the submitter, most in an interrupt of CPU 1.
  void add_chains(int count) {
    for (int i = 0; i < count; ++i)
      run({open_step(path), read_step(0, static_cast<std::uint64_t>(i) * 512, 512), close_step(0)});
  }

  /// Whatever the consumer and the kernel do on the way to a sleep takes as long, so that what
  /// comes from the disk meets them anywhere: `latency` is that of the n-th request.
  void spread(Duration step, std::function<Duration(std::size_t n)> latency) {
    KernelCosts& kernel = rig.system.costs;
    for (Cost* const cost :
         {&kernel.syscall_entry, &kernel.syscall_exit, &kernel.event_wait, &kernel.futex_call,
          &kernel.epoll_wait, &kernel.epoll_callback, &kernel.try_to_wake_up, &kernel.queue_work,
          &kernel.worker_pick, &kernel.context_switch, &costs.ring_post, &costs.ready_list,
          &costs.overflow_entry, &costs.status, &costs.user_reap})
      cost->each = step;
    rig.system.scheduler.idle_exit_latency = step / 100;
    kernel.ipi_send.each = 10 * step;  // whoever is woken may be back before the waker goes on
    disk.on_issue = [this, latency = std::move(latency)](std::uint64_t) {
      disk.latency = latency(disk.issued.size());
    };
  }

  Consumer consumer{engine, queue};
  Bell bell;
  std::vector<std::uint64_t> taken;
  std::vector<std::uint64_t> lost;
  std::vector<std::uint64_t> mine;  // under way
  std::size_t sent = 0;
};

inline Task<void> submit_more(Sleepable& ctx, Session& s) {
  std::vector<ChainRun*> rest;
  for (std::size_t i = s.sent; i < s.runs.size(); ++i) rest.push_back(&s.runs[i]);
  if (rest.empty()) co_return;
  const Result<std::int64_t> accepted = co_await s.queue.submit(ctx, rest);
  if (!accepted) co_return;
  for (std::int64_t i = 0; i < *accepted; ++i) s.mine.push_back(s.runs[s.sent++].cookie());
}

/// Until every chain has been taken or found lost.
inline Task<void> consume(Sleepable& ctx, Session& s, bool submits) {
  while (s.taken.size() + s.lost.size() < s.runs.size()) {
    if (submits) co_await submit_more(ctx, s);
    const std::optional<ChainEvent> event = co_await s.consumer.take(ctx);
    if (event) {
      s.taken.push_back(event->user_data);
      std::erase(s.mine, event->user_data);
      continue;
    }
    const bool misses = co_await s.consumer.misses_any(ctx);
    if (misses) {
      const std::vector<std::uint64_t> mine = s.mine;  // others may be added meanwhile
      const std::vector<std::uint64_t> lost = co_await s.consumer.find_lost(ctx, mine);
      for (const std::uint64_t cookie : lost) std::erase(s.mine, cookie);
      s.lost.insert(s.lost.end(), lost.begin(), lost.end());
      continue;
    }
    co_await s.consumer.wait(ctx, s.bell);
  }
}

inline Task<void> consume_all(Sleepable& ctx, Session& s) {
  return consume(ctx, s, true);
}

inline ChainParams session_params(RingFull full, WakeBy wake,
                                  chain::Continue policy = chain::Continue::cheapest) {
  ChainParams params = Scene::params_of(policy);
  params.ring_entries = 2;
  params.max_chains = 5;
  params.full = full;
  params.wake = wake;
  return params;
}

inline constexpr RingFull kFulls[] = {RingFull::reserve, RingFull::hold, RingFull::spill,
                                      RingFull::drop};
inline constexpr WakeBy kWakes[] = {WakeBy::syscall, WakeBy::eventfd, WakeBy::futex, WakeBy::signal,
                                    WakeBy::busy_poll};

}  // namespace iodrome::designs::task_chain
