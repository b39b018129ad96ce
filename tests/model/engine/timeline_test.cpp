// SPDX-License-Identifier: Apache-2.0
#include "model/engine/timeline.h"

#include <catch2/catch.hpp>
#include <string>
#include <tuple>
#include <vector>

#include "model/engine/random.h"

using namespace iodrome;

namespace {

struct Note : Event {
  std::string& log;
  char name;
  Note(std::string& to, char what) : Event{&Note::write}, log(to), name(what) {}
  static void write(Event* self) {
    auto* note = static_cast<Note*>(self);
    note->log += note->name;
  }
};

using Trace = std::vector<std::tuple<std::int64_t, int, int>>;  // time, task, step

// Delays on a coarse grid, so that ties abound.
Task<void> walker(Timeline& timeline, int id, std::uint64_t seed, Trace& trace) {
  for (int step = 0; step < 300; ++step) {
    const auto bits = draw(seed, Purpose::exploration, static_cast<std::uint64_t>(id),
                           static_cast<std::uint64_t>(step));
    co_await sleep_for(timeline, ps(static_cast<std::int64_t>(below(bits, 5)) * 10));
    trace.emplace_back(to_ps(timeline.now()), id, step);
  }
}

Trace walk(int tasks, std::uint64_t seed, bool run_ahead, Duration slice) {
  Timeline timeline;
  Trace trace;
  timeline.allow_run_ahead(run_ahead);
  for (int id = 0; id < tasks; ++id) timeline.spawn(walker(timeline, id, seed, trace), "walker");
  SimTime horizon{slice};
  while (timeline.run(horizon) != RunState::idle) horizon += slice;
  return trace;
}

Task<void> sleeper(Timeline& timeline, Duration delay, std::string& log, char name) {
  co_await sleep_for(timeline, delay);
  log += name;
}

}  // namespace

TEST_CASE("events of one instant run in the order they were scheduled") {
  Timeline timeline;
  std::string log;
  Note a(log, 'a'), b(log, 'b'), c(log, 'c'), d(log, 'd');
  timeline.at(SimTime{2ns}, a);
  timeline.at(SimTime{1ns}, b);
  timeline.at(SimTime{2ns}, c);
  timeline.at(SimTime{1ns}, d);
  CHECK(timeline.run() == RunState::idle);
  CHECK(log == "bdac");
  CHECK(timeline.now() == SimTime{2ns});
}

TEST_CASE("a wake-up comes after what was already due at its instant") {
  Timeline timeline;
  std::string log;
  struct Waker : Event {
    Timeline& timeline;
    Event& target;
    Waker(Timeline& t, Event& e) : Event{&Waker::wake}, timeline(t), target(e) {}
    static void wake(Event* self) {
      auto* waker = static_cast<Waker*>(self);
      waker->timeline.post(waker->target);
    }
  };
  Note a(log, 'a'), b(log, 'b');
  Waker waker(timeline, a);
  timeline.at(SimTime{1ns}, waker);
  timeline.at(SimTime{1ns}, b);
  timeline.run();
  CHECK(log == "ba");
}

TEST_CASE("an event asked for in the past, or after a negative delay, happens now") {
  Timeline timeline;
  std::string log;
  Note a(log, 'a'), b(log, 'b');
  timeline.advance_to(SimTime{5ns});
  timeline.at(SimTime{1ns}, a);
  timeline.after(-3ns, b);
  timeline.spawn(sleeper(timeline, -1ns, log, 'c'), "sleeper");
  timeline.run();
  CHECK(log == "abc");
  CHECK(timeline.now() == SimTime{5ns});
}

TEST_CASE("a delay beyond the range of time never ends") {
  Timeline timeline;
  std::string log;
  timeline.advance_to(SimTime{5ns});
  timeline.spawn(sleeper(timeline, Duration::max(), log, 'x'), "for ever");
  timeline.spawn(sleeper(timeline, 1ns, log, 'y'), "short");
  CHECK(timeline.run() == RunState::horizon);
  CHECK(log == "y");
  CHECK(timeline.now() == SimTime{6ns});
}

TEST_CASE("advancing without suspension changes neither order nor times") {
  for (const int tasks : {1, 2, 3, 17}) {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      CAPTURE(tasks, seed);
      const Trace suspended = walk(tasks, seed, false, Duration::max());
      REQUIRE(suspended.size() == static_cast<std::size_t>(tasks) * 300);
      CHECK(walk(tasks, seed, true, Duration::max()) == suspended);
      CHECK(walk(tasks, seed, true, ps(7)) == suspended);
      CHECK(walk(tasks, seed, false, 1ns) == suspended);
    }
  }
}

TEST_CASE("a run stops strictly before its horizon") {
  Timeline timeline;
  std::string log;
  timeline.spawn(sleeper(timeline, 10ns, log, 'a'), "a");
  timeline.spawn(sleeper(timeline, 20ns, log, 'b'), "b");
  CHECK(timeline.run(SimTime{10ns}) == RunState::horizon);
  CHECK(log.empty());
  CHECK(timeline.now() == SimTime{});
  CHECK(timeline.next_time() == SimTime{10ns});
  CHECK(timeline.run(SimTime{10ns + ps(1)}) == RunState::horizon);
  CHECK(log == "a");
  CHECK(timeline.run(SimTime{5ns}) == RunState::horizon);
  CHECK(timeline.run() == RunState::idle);
  CHECK(log == "ab");
  CHECK(timeline.next_time() == kNever);
}

TEST_CASE("stop comes back after the current event and nothing is lost") {
  Timeline timeline;
  struct {
    static Task<void> stops(Timeline& t, int& steps) {
      for (int i = 0; i < 5; ++i) {
        co_await sleep_for(t, 1ns);
        ++steps;
        if (i == 2) t.stop();
      }
    }
  } body;
  int steps = 0;
  timeline.allow_run_ahead(false);
  timeline.spawn(body.stops(timeline, steps), "stops");
  CHECK(timeline.run() == RunState::stopped);
  CHECK(steps == 3);
  CHECK(timeline.run() == RunState::idle);
  CHECK(steps == 5);
}

TEST_CASE("a lone task that sleeps in a loop sees a stop within 256 advances") {
  Timeline timeline;
  struct {
    static Task<void> loops(Timeline& t, int& steps) {
      for (;;) {
        co_await sleep_for(t, 1ns);
        if (++steps == 100) t.stop();
      }
    }
  } body;
  int steps = 0;
  timeline.spawn(body.loops(timeline, steps), "loops");
  CHECK(timeline.run() == RunState::stopped);
  CHECK(steps >= 100);
  CHECK(steps <= 100 + 256);
}

TEST_CASE("a sync request comes back at local time, and what it continues runs first") {
  Timeline timeline;
  std::string log;
  struct Outside : SyncRequest, Event {
    std::string& log;
    explicit Outside(std::string& to) : Event{&Outside::go_on}, log(to) {}
    static void go_on(Event* self) { static_cast<Outside*>(self)->log += 's'; }
  };
  struct Asks : Event {
    Timeline& timeline;
    SyncRequest& request;
    Asks(Timeline& t, SyncRequest& r) : Event{&Asks::ask}, timeline(t), request(r) {}
    static void ask(Event* self) {
      auto* asks = static_cast<Asks*>(self);
      asks->timeline.request_sync(asks->request);
      asks->timeline.stop();
    }
  };
  Outside outside(log);
  Asks asks(timeline, outside);
  Note tie(log, 't');
  timeline.at(SimTime{3ns}, asks);
  timeline.at(SimTime{3ns}, tie);
  CHECK(timeline.run() == RunState::sync);
  CHECK(timeline.now() == SimTime{3ns});
  CHECK(timeline.take_sync() == &outside);
  timeline.post_first(outside);
  CHECK(timeline.next_time() == SimTime{3ns});
  CHECK(timeline.run() ==
        RunState::stopped);  // the stop asked for beside the sync is not forgotten
  CHECK(log == "s");
  CHECK(timeline.run() == RunState::idle);
  CHECK(log == "st");
}

TEST_CASE("time cannot be moved past an event") {
  Timeline timeline;
  std::string log;
  Note a(log, 'a');
  timeline.at(SimTime{10ns}, a);
  CHECK_THROWS_AS(timeline.advance_to(SimTime{11ns}), InternalError);
  timeline.advance_to(SimTime{10ns});
  timeline.post(a);
  timeline.advance_to(SimTime{10ns});
  CHECK(timeline.now() == SimTime{10ns});
  CHECK_THROWS_AS(timeline.advance_to(SimTime{11ns}), InternalError);
}
