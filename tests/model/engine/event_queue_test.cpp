// SPDX-License-Identifier: Apache-2.0
// The reference model is std::multimap, which keeps insertion order among equal keys.
#include "model/engine/event_queue.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <vector>

#include "model/engine/random.h"

using namespace iodrome;

namespace {

constexpr std::int64_t kFarthest = std::numeric_limits<std::int64_t>::max();

// Both queues side by side; every pop is compared.
struct SideBySide {
  EventQueue queue;
  std::multimap<std::int64_t, Event*> reference;
  std::vector<std::unique_ptr<Event>> events;
  std::int64_t now = 0;

  void push(std::int64_t time) {
    events.push_back(std::make_unique<Event>());
    queue.push(time, events.back().get());
    reference.emplace(time, events.back().get());
  }
  bool pop_agrees() {
    const auto expected = reference.begin();
    if (queue.size() != reference.size() || queue.head_time() != expected->first) return false;
    now = expected->first;
    const bool same = queue.pop() == expected->second;
    reference.erase(expected);
    return same && queue.empty() == reference.empty();
  }
  bool drain_agrees() {
    while (!reference.empty())
      if (!pop_agrees()) return false;
    return queue.empty() && queue.size() == 0;
  }
};

struct Draws {
  std::uint64_t seed;
  std::uint64_t count = 0;
  std::uint64_t next(std::uint64_t n) {
    return below(draw(seed, Purpose::exploration, count++), n);
  }
};

// Delays as models make them: equal, near, exponential over many scales, and the end of time.
std::int64_t some_delay(Draws& draws, std::uint64_t kind) {
  switch (kind) {
    case 0:
      return 0;
    case 1:
      return static_cast<std::int64_t>(draws.next(4));
    case 2:
      return 1000;
    case 3:
      return static_cast<std::int64_t>(draws.next(1'000'000));
    case 4:
      return static_cast<std::int64_t>(draws.next(std::uint64_t{1} << draws.next(45)));
    default:
      return draws.next(1000) == 0 ? kFarthest : 1'000'000'000;
  }
}

bool random_operations_agree(std::uint64_t seed, std::uint64_t operations) {
  SideBySide both;
  Draws draws{seed};
  std::uint64_t kinds = 6;
  std::uint64_t push_percent = 55;
  for (std::uint64_t i = 0; i < operations; ++i) {
    if (draws.next(2000) == 0) {  // another regime: grow or shrink, all delays or few kinds of them
      push_percent = 30 + draws.next(45);
      kinds = 1 + draws.next(6);
    }
    if (both.now > kFarthest / 2) {  // it reached the end of time: begin again
      if (!both.drain_agrees()) return false;
      both.now = 0;
    }
    if (both.reference.empty() || draws.next(100) < push_percent) {
      const std::int64_t delay = some_delay(draws, draws.next(kinds));
      both.push(delay > kFarthest - both.now ? kFarthest : both.now + delay);
    } else if (!both.pop_agrees()) {
      return false;
    }
  }
  return both.drain_agrees();
}

}  // namespace

TEST_CASE("the event queue agrees with a multimap over a million random operations") {
  CHECK(random_operations_agree(1, 1'000'000));
}

TEST_CASE("the event queue agrees with a multimap in many short histories") {
  for (std::uint64_t seed = 2; seed < 300; ++seed) {
    CAPTURE(seed);
    REQUIRE(random_operations_agree(seed, 3'000));
  }
}

TEST_CASE("equal times leave the queue in the order they came, however many") {
  SideBySide both;
  for (int i = 0; i < 500; ++i) both.push(1'000'000 + i % 3);
  for (int i = 0; i < 200; ++i) REQUIRE(both.pop_agrees());
  for (int i = 0; i < 500; ++i) both.push(1'000'001 + i % 2);
  CHECK(both.drain_agrees());
}

TEST_CASE("an instant crowded at the head lets earlier events in and keeps its order") {
  SideBySide both;
  both.push(50);
  for (int i = 0; i < 300; ++i) both.push(100);
  both.push(1'000'000);
  REQUIRE(both.pop_agrees());
  for (int i = 0; i < 300; ++i) {
    both.push(100);
    both.push(60 + i % 7);
  }
  CHECK(both.drain_agrees());
}

TEST_CASE("a hundred thousand events of one instant take linear time") {
  EventQueue queue;
  std::vector<Event> events(100'000);
  const auto start = std::chrono::steady_clock::now();
  for (Event& event : events) queue.push(5, &event);
  for (Event& event : events) REQUIRE(queue.pop() == &event);
  // Sorting each in by insertion would move 80 GB.
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(2));
}

TEST_CASE("a crowd at one instant does not slow down what happens before it") {
  EventQueue queue;
  std::vector<Event> crowd(50'000);
  Event active;
  for (Event& event : crowd) queue.push(1'000'000'000, &event);
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 200'000; ++i) {
    queue.push(i, &active);
    REQUIRE(queue.pop() == &active);
  }
  for (Event& event : crowd) REQUIRE(queue.pop() == &event);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(2));
}

TEST_CASE("times at both ends of the range do not overflow") {
  SideBySide both;
  for (int i = 0; i < 200; ++i) {
    both.push(kFarthest);
    both.push(kFarthest - 1 - i);
    both.push(i);
    both.push(kFarthest / 2 + i);
  }
  CHECK(both.drain_agrees());
}

TEST_CASE("a cleared queue forgets everything and starts anew") {
  SideBySide both;
  for (int i = 0; i < 2'000; ++i) both.push(i * 7919 % 100'000);
  for (int i = 0; i < 100; ++i) REQUIRE(both.pop_agrees());
  both.queue.clear();
  both.reference.clear();
  CHECK(both.queue.empty());
  for (int i = 0; i < 2'000; ++i) both.push(i * 104729 % 50'000);
  CHECK(both.drain_agrees());
}
