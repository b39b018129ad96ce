// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/ring/completion_ring.h"

#include "model/explore/random_walk.h"
#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;
using events::Stage;

namespace {

struct Scene {
  explicit Scene(std::uint32_t entries) : ring(entries, sleepers) {}
  WaitQueue sleepers{"ring"};
  CompletionRing<std::uint64_t> ring;
  std::vector<std::uint64_t> taken;
  std::uint64_t posted = 0;
  std::uint64_t wanted = 0;
  bool recheck = true;
  Rig rig{2};
};

// Posts until everything is in, at most what fits at a time.
Task<void> produce(Sleepable& ctx, Scene& s) {
  while (s.posted < s.wanted) {
    const bool in = co_await s.ring.post(ctx, s.posted + 1);
    if (in) ++s.posted;
  }
}

// A consumer that sleeps when it finds nothing; without `recheck` it looks before it leaps, but
// not again once it has decided to leap.
Task<void> consume(Sleepable& ctx, Scene& s) {
  while (s.taken.size() < s.wanted) {
    const std::optional<std::uint64_t> entry = co_await s.ring.take(ctx);
    if (entry) {
      s.taken.push_back(*entry);
      continue;
    }
    co_await smp_mb(ctx);
    if (s.recheck) {
      const bool more = co_await s.ring.has_entries(ctx);
      if (more) continue;
    }
    co_await s.sleepers.wait(ctx, "entries", Stage::reap);
  }
}

bool loses_wake_up(ChoiceOracle* oracle, bool recheck) {
  Scene s(4);
  s.wanted = 3;
  s.recheck = recheck;
  s.rig.timeline.choices().ask(oracle);
  s.rig.thread(0, s, consume);
  s.rig.thread(1, s, produce);
  s.rig.run();
  for (std::size_t i = 0; i < s.taken.size(); ++i) CHECK(s.taken[i] == i + 1);
  CHECK(s.posted == s.wanted);
  const bool lost = s.taken.size() < s.wanted;
  s.rig.end();
  return lost;
}

int lost_in_1000(bool recheck) {
  int lost = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    explore::RandomWalk walk(seed);
    lost += loses_wake_up(&walk, recheck);
  }
  return lost;
}

}  // namespace

TEST_CASE("a ring takes as many entries as it has, and then refuses until one is taken") {
  Scene s(4);
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    for (std::uint64_t i = 0; i < 4; ++i) {
      const bool in = co_await scene.ring.post(ctx, i);
      CHECK(in);
    }
    const bool fifth = co_await scene.ring.post(ctx, 4);
    CHECK_FALSE(fifth);
    const auto oldest = co_await scene.ring.take(ctx);
    CHECK(oldest == 0u);
    const bool again = co_await scene.ring.post(ctx, 5);
    CHECK(again);
    for (const std::uint64_t expected : {1u, 2u, 3u, 5u}) {
      const auto entry = co_await scene.ring.take(ctx);
      CHECK(entry == expected);
    }
    const auto none = co_await scene.ring.take(ctx);
    CHECK_FALSE(none);
  });
  s.rig.run();
}

TEST_CASE("entries keep their order over many turns of the ring") {
  Scene s(8);
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    std::uint64_t in = 0;
    std::uint64_t out = 0;
    for (std::uint64_t turn = 0; turn < 1000; ++turn) {
      for (std::uint64_t i = 0; i <= turn % 8; ++i) co_await scene.ring.post(ctx, in++);
      while (out < in) {
        const auto entry = co_await scene.ring.take(ctx);
        REQUIRE(entry == out);
        ++out;
      }
    }
    CHECK(out == 4500);
  });
  s.rig.run();
}

TEST_CASE("a posted entry wakes one sleeper, at the producer's cost") {
  Scene s(4);
  s.wanted = 1;
  s.rig.system.costs.try_to_wake_up.each = 5ns;
  Thread& consumer = s.rig.thread(0, s, consume);
  s.rig.thread(1, s, produce);
  s.rig.run();
  CHECK(s.taken == std::vector<std::uint64_t>{1});
  CHECK(s.rig.system.costs.try_to_wake_up.count == 1);
  CHECK(consumer.state == Thread::State::dead);
}

TEST_CASE("a ring whose size is no power of two is an internal error") {
  WaitQueue sleepers("ring");
  CHECK_THROWS_AS((CompletionRing<int>(3, sleepers)), InternalError);
}

TEST_CASE("a random walk finds a ring's consumer that sleeps without looking again") {
  CHECK(lost_in_1000(false) > 0);
}

TEST_CASE("a random walk finds nothing wrong with a consumer that looks again") {
  CHECK(lost_in_1000(true) == 0);
}

TEST_CASE("without an oracle even the careless consumer gets everything") {
  CHECK_FALSE(loses_wake_up(nullptr, false));
}
