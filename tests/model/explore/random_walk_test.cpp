// SPDX-License-Identifier: Apache-2.0
// A producer and a consumer share a ring; the consumer sleeps when it is empty. Left out in turn:
// the re-check after announcing the sleep, and the barrier before it. Both lose a wake-up on some
// schedules.
#include "model/explore/random_walk.h"

#include <catch2/catch.hpp>

#include "model/engine/shared.h"
#include "model/engine/wait_queue.h"

using namespace iodrome;
using namespace iodrome::explore;

namespace {

struct Cpu {
  MemoryView view;
  MemoryView& memory() { return view; }
};

struct Planted {
  bool recheck = true;
  bool barrier = true;
};

struct Ring {
  Timeline timeline;
  Cpu producer{MemoryView(timeline)};
  Cpu consumer{MemoryView(timeline)};
  WaitQueue sleeping{timeline, "the ring's consumer"};
  Shared<std::uint32_t> tail;
  Shared<std::uint32_t> need_wakeup;
  std::uint32_t consumed = 0;
};

constexpr std::uint32_t kEntries = 4;

Task<void> produce(Ring& ring) {
  for (std::uint32_t i = 1; i <= kEntries; ++i) {
    co_await ring.tail.store_release(ring.producer, i);
    co_await smp_mb(ring.producer);
    const std::uint32_t asleep = co_await ring.need_wakeup.load_acquire(ring.producer);
    if (asleep != 0) ring.sleeping.wake_one();
  }
}

Task<void> consume(Ring& ring, Planted planted) {
  while (ring.consumed < kEntries) {
    std::uint32_t tail = co_await ring.tail.load_acquire(ring.consumer);
    if (tail == ring.consumed) {
      co_await ring.need_wakeup.store_release(ring.consumer, 1);
      if (planted.barrier) co_await smp_mb(ring.consumer);
      if (planted.recheck) tail = co_await ring.tail.load_acquire(ring.consumer);
      if (tail == ring.consumed) co_await ring.sleeping.wait();
      co_await ring.need_wakeup.store_release(ring.consumer, 0);
    }
    ring.consumed = co_await ring.tail.load_acquire(ring.consumer);
  }
}

// True if the run ended with entries that nobody fetched.
bool stalls(ChoiceOracle* oracle, Planted planted) {
  Ring ring;
  ring.timeline.choices().ask(oracle);
  ring.timeline.spawn(consume(ring, planted), "consumer");
  ring.timeline.spawn(produce(ring), "producer");
  ring.timeline.run();
  const bool stalled = ring.consumed < kEntries;
  CHECK(stalled == (ring.timeline.live_tasks() == 1));
  return stalled;
}

int stalls_in_1000(Planted planted) {
  int found = 0;
  for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
    RandomWalk walk(seed);
    found += stalls(&walk, planted);
  }
  return found;
}

}  // namespace

TEST_CASE("a random walk finds the lost wake-up of a missing re-check") {
  CHECK(stalls_in_1000({.recheck = false, .barrier = true}) > 0);
}

TEST_CASE("a random walk finds the lost wake-up of a missing barrier") {
  CHECK(stalls_in_1000({.recheck = true, .barrier = false}) > 0);
}

TEST_CASE("a random walk never reports the correct ring") {
  CHECK(stalls_in_1000({}) == 0);
}

TEST_CASE("without exploration the planted bugs stay hidden") {
  CHECK_FALSE(stalls(nullptr, {.recheck = false, .barrier = true}));
  CHECK_FALSE(stalls(nullptr, {.recheck = true, .barrier = false}));
}

TEST_CASE("a walk's record replays to the same end") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    RandomWalk walk(seed);
    const Planted planted{.recheck = false, .barrier = true};
    const bool stalled = stalls(&walk, planted);
    Replay replay(walk.record());
    CHECK(stalls(&replay, planted) == stalled);
    CHECK(replay.position() == walk.record().size());
  }
}

TEST_CASE("a replay that no longer fits says where") {
  RandomWalk walk(1);
  walk.choose(Choice::order, 3, "timeline");
  walk.choose(Choice::wake, 2, "queue");
  Replay replay(walk.record());
  CHECK(replay.choose(Choice::order, 3, "timeline") == walk.record()[0].picked);
  CHECK_THROWS_WITH(replay.choose(Choice::wake, 4, "queue"),
                    Catch::Contains("decision 2") && Catch::Contains("one of 4 at 'queue'"));
  CHECK(replay.choose(Choice::fault, 9, "beyond the record") == 0);
}
