// SPDX-License-Identifier: Apache-2.0
// The litmus tests of total store order, over every schedule.
#include "model/engine/shared.h"

#include <catch2/catch.hpp>
#include <set>
#include <utility>

#include "tests/model/engine/every_schedule.h"

using namespace iodrome;

namespace {

struct Cpu {
  MemoryView view;
  explicit Cpu(Timeline& timeline) : view(timeline) {}
  MemoryView& memory() { return view; }
};

struct Litmus {
  Timeline timeline;
  Cpu cpu0{timeline};
  Cpu cpu1{timeline};
  Shared<std::uint32_t> x;
  Shared<std::uint32_t> y;
  std::uint32_t r0 = 9;
  std::uint32_t r1 = 9;
};

using Outcomes = std::set<std::pair<std::uint32_t, std::uint32_t>>;

// Every (r0, r1) that some schedule of the two tasks leads to.
template <class Left, class Right>
Outcomes explore(Left left, Right right) {
  Outcomes outcomes;
  EverySchedule schedules;
  do {
    Litmus litmus;
    litmus.timeline.choices().ask(&schedules);
    litmus.timeline.spawn(left(litmus), "left");
    litmus.timeline.spawn(right(litmus), "right");
    litmus.timeline.run();
    outcomes.emplace(litmus.r0, litmus.r1);
  } while (schedules.next());
  return outcomes;
}

Task<void> store_x_load_y(Litmus& m) {
  co_await m.x.store_release(m.cpu0, 1);
  m.r0 = co_await m.y.load_acquire(m.cpu0);
}
Task<void> store_y_load_x(Litmus& m) {
  co_await m.y.store_release(m.cpu1, 1);
  m.r1 = co_await m.x.load_acquire(m.cpu1);
}
Task<void> store_x_mb_load_y(Litmus& m) {
  co_await m.x.store_release(m.cpu0, 1);
  co_await smp_mb(m.cpu0);
  m.r0 = co_await m.y.load_acquire(m.cpu0);
}
Task<void> store_y_mb_load_x(Litmus& m) {
  co_await m.y.store_release(m.cpu1, 1);
  co_await smp_mb(m.cpu1);
  m.r1 = co_await m.x.load_acquire(m.cpu1);
}
Task<void> publish(Litmus& m) {
  co_await m.x.store_release(m.cpu0, 42);
  co_await m.y.store_release(m.cpu0, 1);
}
Task<void> consume(Litmus& m) {
  m.r0 = co_await m.y.load_acquire(m.cpu1);
  m.r1 = co_await m.x.load_acquire(m.cpu1);
}
Task<void> load_y_store_x(Litmus& m) {
  m.r0 = co_await m.y.load_acquire(m.cpu0);
  co_await m.x.store_release(m.cpu0, 1);
}
Task<void> load_x_store_y(Litmus& m) {
  m.r1 = co_await m.x.load_acquire(m.cpu1);
  co_await m.y.store_release(m.cpu1, 1);
}

}  // namespace

TEST_CASE(
    "store buffering: both loads may miss the other's store unless a full barrier stands between") {
  const Outcomes without = explore(store_x_load_y, store_y_load_x);
  CHECK(without == Outcomes{{0, 0}, {0, 1}, {1, 0}, {1, 1}});
  const Outcomes half = explore(store_x_mb_load_y, store_y_load_x);
  CHECK(half.contains({0, 0}));
  const Outcomes with = explore(store_x_mb_load_y, store_y_mb_load_x);
  CHECK(with == Outcomes{{0, 1}, {1, 0}, {1, 1}});
}

TEST_CASE("message passing: whoever sees the flag sees the data") {
  CHECK(explore(publish, consume) == Outcomes{{0, 0}, {0, 42}, {1, 42}});
}

TEST_CASE("load buffering: loads are not delayed past later stores") {
  CHECK(explore(load_y_store_x, load_x_store_y) == Outcomes{{0, 0}, {0, 1}, {1, 0}});
}

TEST_CASE("a CPU sees its own buffered store") {
  struct {
    static Task<void> own(Litmus& m) {
      co_await m.x.store_release(m.cpu0, 1);
      co_await m.x.store_release(m.cpu0, 2);
      m.r0 = co_await m.x.load_relaxed(m.cpu0);
    }
    static Task<void> other(Litmus& m) { m.r1 = co_await m.x.load_acquire(m.cpu1); }
  } body;
  const Outcomes outcomes = explore(body.own, body.other);
  CHECK(outcomes == Outcomes{{2, 0}, {2, 1}, {2, 2}});
}

TEST_CASE("locked operations of two CPUs lose nothing, and order what surrounds them") {
  struct {
    static Task<void> left(Litmus& m) {
      co_await m.x.store_release(m.cpu0, 1);
      m.r0 = co_await m.y.fetch_add(m.cpu0, 1);
    }
    static Task<void> right(Litmus& m) {
      const std::uint32_t old = co_await m.y.fetch_add(m.cpu1, 1);
      const std::uint32_t x = co_await m.x.load_acquire(m.cpu1);
      m.r1 = old * 10 + x;
    }
  } body;
  const Outcomes outcomes = explore(body.left, body.right);
  // Second at the counter means that the store before it is seen.
  CHECK(outcomes == Outcomes{{0, 11}, {1, 0}, {1, 1}});
}

TEST_CASE("of two compare-exchanges from one value, one succeeds") {
  struct {
    static Task<void> left(Litmus& m) { m.r0 = co_await m.x.compare_exchange(m.cpu0, 0, 1); }
    static Task<void> right(Litmus& m) { m.r1 = co_await m.x.compare_exchange(m.cpu1, 0, 2); }
  } body;
  CHECK(explore(body.left, body.right) == Outcomes{{1, 0}, {0, 1}});
}

TEST_CASE("without an oracle a shared word is an ordinary word and nothing suspends") {
  Litmus litmus;
  struct {
    static Task<void> all(Litmus& m) {
      co_await m.x.store_release(m.cpu0, 7);
      co_await smp_mb(m.cpu0);
      m.r0 = co_await m.x.load_acquire(m.cpu1);
      m.r1 = co_await m.x.fetch_add(m.cpu1, 3);
      const bool exchanged = co_await m.x.compare_exchange(m.cpu0, 10, 11);
      if (exchanged) co_await m.y.store_release(m.cpu0, 1);
    }
  } body;
  litmus.timeline.spawn(body.all(litmus), "all");
  litmus.timeline.run();
  CHECK(litmus.timeline.events_run() == 1);
  CHECK(litmus.r0 == 7);
  CHECK(litmus.r1 == 7);
  CHECK(litmus.x.peek() == 11);
  CHECK(litmus.y.peek() == 1);
}

TEST_CASE("stores still buffered at the end of a run are forgotten with it") {
  EverySchedule first_only;
  Litmus litmus;
  litmus.timeline.choices().ask(&first_only);
  struct {
    static Task<void> stops(Litmus& m) {
      co_await m.x.store_release(m.cpu0, 1);
      m.timeline.stop();
      co_await sleep_for(m.timeline, 1s);
    }
  } body;
  litmus.timeline.spawn(body.stops(litmus), "stops");
  CHECK(litmus.timeline.run() == RunState::stopped);
  CHECK(litmus.cpu0.view.pending() == 1);
  litmus.timeline.drain();
  CHECK(litmus.x.peek() == 0);
}
