// SPDX-License-Identifier: Apache-2.0
// No completion is missed by a consumer that goes to sleep, on any schedule, and none is accounted
// for twice.
#include "model/designs/task_chain/consumer.h"

#include "model/explore/random_walk.h"
#include "tests/model/designs/task_chain/session.h"
#include "tests/model/explore/no_failures.h"

namespace iodrome::designs::task_chain {
namespace {

constexpr int kChains = 5;

void check_accounts(const Session& s, RingFull full) {
  std::vector<std::uint64_t> all = s.taken;
  all.insert(all.end(), s.lost.begin(), s.lost.end());
  std::ranges::sort(all);
  std::vector<std::uint64_t> expected;
  for (const ChainRun& run : s.runs) expected.push_back(run.cookie());
  std::ranges::sort(expected);
  CHECK(all == expected);
  CHECK(s.lost.size() == s.queue.counts().dropped);
  if (full != RingFull::drop) CHECK(s.lost.empty());
}

// True if the consumer slept for ever. Latencies are multiples of what everything else takes, or,
// for every other seed, all else takes no time, so that much happens in one instant.
bool stalls(const ChainParams& params, ChoiceOracle* oracle, std::uint64_t seed = 0) {
  Session s(params);
  s.add_chains(kChains);
  s.spread(seed % 2 == 0 ? 100ns : 0ns, [seed](std::size_t n) {
    const std::uint64_t bits = (seed * 100 + n) * 0x9e3779b97f4a7c15u;
    return 100ns * static_cast<std::int64_t>(5 + (bits >> 32) % 16);
  });
  s.rig.timeline.choices().ask(oracle);
  const Thread& thread = s.rig.thread<Session>(0, s, consume_all);
  s.rig.run();
  s.rig.timeline.choices().ask(nullptr);
  const bool stalled = thread.state != Thread::State::dead;
  if (!stalled) check_accounts(s, params.full);
  s.rig.end();
  return stalled;
}

Task<void> take_all(Sleepable& ctx, Session& s) {
  return consume(ctx, s, false);
}

// Chains that end while they are submitted: everything happens in one instant.
Task<void> submit_one_by_one(Sleepable& ctx, Session& s) {
  for (ChainRun& run : s.runs) {
    ChainRun* const one = &run;
    const Result<std::int64_t> accepted = co_await s.queue.submit(ctx, {&one, 1});
    CHECK(accepted == 1);
    if (std::ranges::find(s.taken, run.cookie()) == s.taken.end()) s.mine.push_back(run.cookie());
  }
}

}  // namespace

TEST_CASE("every policy and every wake-up accounts for every chain, lost ones by their names") {
  for (const RingFull full : kFulls)
    for (const WakeBy wake : kWakes) {
      CAPTURE(static_cast<int>(full), static_cast<int>(wake));
      CHECK_FALSE(stalls(session_params(full, wake), nullptr));
    }
}

TEST_CASE("on no schedule is a completion between the last look and the sleep missed") {
  for (const RingFull full : kFulls)
    for (const WakeBy wake : kWakes)
      for (std::uint64_t seed = 0; seed < 60; ++seed) {
        CAPTURE(static_cast<int>(full), static_cast<int>(wake), seed);
        explore::RandomWalk walk(seed);
        NoFailures oracle(walk);
        CHECK_FALSE(stalls(session_params(full, wake), &oracle, seed));
      }
}

TEST_CASE("on no schedule does a submitter sleep while a chain of its waits for it to go on") {
  for (const RingFull full : kFulls)
    for (const WakeBy wake : kWakes)
      for (std::uint64_t seed = 0; seed < 60; ++seed) {
        CAPTURE(static_cast<int>(full), static_cast<int>(wake), seed);
        explore::RandomWalk walk(seed);
        NoFailures oracle(walk);
        CHECK_FALSE(stalls(session_params(full, wake, chain::Continue::submitter), &oracle, seed));
      }
}

TEST_CASE("on no schedule is a completion of another thread's chain missed") {
  for (const RingFull full : kFulls)
    for (const WakeBy wake : kWakes)
      for (std::uint64_t seed = 0; seed < 500; ++seed) {
        CAPTURE(static_cast<int>(full), static_cast<int>(wake), seed);
        ChainParams params = session_params(full, wake);
        params.ring_entries = full == RingFull::reserve ? 4 : 1;  // nobody has to try again
        Session s(params);
        for (int i = 0; i < 3; ++i) s.run({{.op = chain::Op::nop}});
        explore::RandomWalk walk(seed);
        NoFailures oracle(walk);
        s.rig.timeline.choices().ask(&oracle);
        const Thread& consumer = s.rig.thread<Session>(0, s, take_all);
        s.rig.thread<Session>(1, s, submit_one_by_one);
        s.rig.run();
        s.rig.timeline.choices().ask(nullptr);
        CHECK(consumer.state == Thread::State::dead);
        if (consumer.state == Thread::State::dead) check_accounts(s, full);
        s.rig.end();
      }
}

TEST_CASE("wherever a completion meets a consumer on its way to sleep, it is not missed") {
  for (const RingFull full : kFulls)
    for (const WakeBy wake : kWakes)
      for (int first = 5; first < 25; ++first)
        for (int apart = 0; apart < 20; ++apart) {
          CAPTURE(static_cast<int>(full), static_cast<int>(wake), first, apart);
          // Those that go on in the submitter come between its looks and its sleeps as well.
          const bool itself = (first + apart) % 2 != 0;
          Session s(session_params(
              full, wake, itself ? chain::Continue::submitter : chain::Continue::cheapest));
          s.add_chains(3);
          s.spread(100ns, [first, apart](std::size_t n) {
            return 50ns * (first + apart * static_cast<std::int64_t>(n));
          });
          const Thread& thread = s.rig.thread<Session>(0, s, consume_all);
          s.rig.run();
          CHECK(thread.state == Thread::State::dead);
          check_accounts(s, full);
        }
}

TEST_CASE("on no schedule is one missed where completions come in batches") {
  for (const RingFull full : kFulls)
    for (const WakeBy wake : {WakeBy::syscall, WakeBy::eventfd, WakeBy::futex, WakeBy::signal})
      for (std::uint64_t seed = 0; seed < 40; ++seed) {
        CAPTURE(static_cast<int>(full), static_cast<int>(wake), seed);
        ChainParams params = session_params(full, wake);
        params.batch_count = 2;
        params.batch_ns = 700;
        explore::RandomWalk walk(seed);
        NoFailures oracle(walk);
        CHECK_FALSE(stalls(params, &oracle, seed));
      }
}

TEST_CASE("spill: on no schedule, nor without memory for its entries, is a chain unaccounted for") {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    CAPTURE(seed);
    struct OverflowFails final : ChoiceOracle {
      explicit OverflowFails(std::uint64_t from) : walk(from) {}
      std::uint32_t choose(Choice kind, std::uint32_t options, const char* site) override {
        const bool mine = std::string_view(site) == "chain overflow entry";
        return kind == Choice::allocation && !mine ? 0 : walk.choose(kind, options, site);
      }
      explore::RandomWalk walk;
    } oracle(seed);
    Session s(session_params(RingFull::spill, WakeBy::syscall));
    s.add_chains(kChains);
    s.spread(100ns, [seed](std::size_t n) { return 100ns * (5 + (seed * n) % 7); });
    s.rig.timeline.choices().ask(&oracle);
    const Thread& thread = s.rig.thread<Session>(0, s, consume_all);
    s.rig.run();
    s.rig.timeline.choices().ask(nullptr);
    CHECK(thread.state == Thread::State::dead);
    check_accounts(s, RingFull::drop);
    s.rig.end();
  }
}

TEST_CASE("an arrival ends every kind of wait, also one that comes before the sleep") {
  for (const WakeBy wake : kWakes)
    for (const Duration when : {0ns, 50ns, 5'000ns}) {
      CAPTURE(static_cast<int>(wake), when.count());
      Session s(session_params(RingFull::reserve, wake));
      s.rig.system.costs.syscall_entry.each = 100ns;
      s.costs.user_poll.each = 100ns;
      const Thread& thread =
          s.rig.thread<Session>(0, s, [](Sleepable& ctx, Session& scene) -> Task<void> {
            while (!scene.bell.rung) co_await scene.consumer.wait(ctx, scene.bell);
          });
      s.rig.at(when, [&s] {
        s.bell.rung = true;
        s.sleepers.wake_from_outside(s.rig.system);
        s.consumer.interrupt(s.rig.system);
      });
      s.rig.run();
      CHECK(thread.state == Thread::State::dead);
      CHECK_FALSE(thread.signal_pending);
      CHECK(s.rig.now() <= when + 400ns);
    }
}

TEST_CASE("who polls burns its CPU until the completion comes, a look at a time") {
  Session s(session_params(RingFull::reserve, WakeBy::busy_poll));
  s.disk.latency = 9'900ns;
  s.add_chains(1);
  s.rig.thread<Session>(0, s, consume_all);
  s.rig.run();
  CHECK(s.taken.size() == 1);
  CHECK(s.costs.user_poll.count == 50);  // 200 ns each
  CHECK(s.rig.spent(0, events::CpuClass::idle) == Duration{0});
  CHECK(s.rig.system.costs.try_to_wake_up.count == 0);
}

TEST_CASE("who does not poll sleeps meanwhile, woken by what it asked for") {
  for (const WakeBy wake : {WakeBy::syscall, WakeBy::eventfd, WakeBy::futex, WakeBy::signal}) {
    CAPTURE(static_cast<int>(wake));
    Session s(session_params(RingFull::reserve, wake));
    s.disk.latency = 10us;
    s.add_chains(1);
    s.rig.thread<Session>(0, s, consume_all);
    s.rig.run();
    CHECK(s.taken.size() == 1);
    CHECK(s.rig.spent(0, events::CpuClass::idle) == 10us);
    KernelCosts& costs = s.rig.system.costs;
    CHECK(costs.epoll_callback.count == (wake == WakeBy::eventfd ? 1 : 0));
    CHECK(costs.queue_work.count == (wake == WakeBy::futex ? 1 : 0));
    CHECK(costs.signal_send.count == (wake == WakeBy::signal ? 1 : 0));
    CHECK(costs.event_wait.count == (wake == WakeBy::syscall ? 1 : 0));
  }
}

TEST_CASE("a user that writes anything to head and tail stops neither its chains nor the count") {
  for (const RingFull full : kFulls)
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      CAPTURE(static_cast<int>(full), seed);
      struct Hostile : Session {
        using Session::Session;
        std::uint64_t seed = 0;
        std::size_t waits = 0;
        bool over = false;
      } s(session_params(full, WakeBy::syscall));
      s.seed = seed;
      s.add_chains(kChains);
      explore::RandomWalk walk(seed);
      NoFailures oracle(walk);
      s.rig.timeline.choices().ask(&oracle);
      s.rig.thread<Hostile>(0, s, [](Sleepable& ctx, Hostile& scene) -> Task<void> {
        const auto words = scene.queue.ring().user_words();
        for (std::uint64_t i = 0; i < 12; ++i) {
          co_await submit_more(ctx, scene);
          const auto bits = (scene.seed * 100 + i + 1) * 0x9e3779b97f4a7c15u;
          const auto value = static_cast<std::uint32_t>(bits >> (bits >> 63 != 0 ? 30 : 61));
          Shared<std::uint32_t>& word = i % 2 == 0 ? words.head : words.tail;
          co_await word.store_release(ctx, value);
          co_await scene.queue.take(ctx);
          co_await scene.queue.flush(ctx);
        }
        scene.over = true;
      });
      s.rig.run();
      CHECK(s.over);
      CHECK(s.queue.counts().high_water <= 2);

      // Sane again: what the kernel still holds comes out, and no place of its own is missing.
      s.rig.timeline.choices().ask(nullptr);
      const auto words = s.queue.ring().user_words();
      s.rig.thread<Hostile>(0, s, [](Sleepable& ctx, Hostile& scene) -> Task<void> {
        const auto mapped = scene.queue.ring().user_words();
        for (int turn = 0; turn < 4; ++turn) {
          co_await mapped.head.store_release(ctx, scene.queue.ring().posted());
          co_await scene.queue.flush(ctx);
        }
        co_await mapped.head.store_release(ctx, scene.queue.ring().posted());
      });
      s.rig.run();
      CHECK_FALSE(s.queue.ring().holds_any());
      CHECK(words.head.peek() == s.queue.ring().posted());
      CHECK(s.queue.slots_free() == 2);
      s.rig.end();
    }
}

}  // namespace iodrome::designs::task_chain
