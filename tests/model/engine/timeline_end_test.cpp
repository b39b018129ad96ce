// SPDX-License-Identifier: Apache-2.0
// How a run ends: draining, stalls, events nobody waits for any more.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "model/engine/timeline.h"
#include "model/engine/wait_queue.h"

using namespace iodrome;

TEST_CASE("draining destroys tasks newest first, and nothing they do then has an effect") {
  std::string log;
  Timeline timeline;
  WaitQueue queue(timeline, "queue");
  struct Guard {
    Timeline& timeline;
    WaitQueue& queue;
    std::string& log;
    char name;
    ~Guard() {
      log += timeline.draining() ? name : '?';
      queue.wake_all();
    }
  };
  struct {
    static Task<void> holds(Timeline& t, WaitQueue& q, std::string& to, char name) {
      const Guard guard{t, q, to, name};
      co_await q.wait();
      to += '!';
    }
  } body;
  for (const char name : {'a', 'b', 'c'})
    timeline.spawn(body.holds(timeline, queue, log, name), "holder");
  CHECK(timeline.run() == RunState::idle);
  CHECK(timeline.live_tasks() == 3);
  timeline.drain();
  CHECK(log == "cba");
  CHECK(timeline.live_tasks() == 0);
  CHECK(queue.empty());
  CHECK_FALSE(timeline.draining());
  CHECK(timeline.run() == RunState::idle);
  CHECK(log == "cba");
}

TEST_CASE("tasks may outlive the queue they wait in until the run ends") {
  Timeline timeline;
  {
    WaitQueue queue(timeline, "queue");
    struct {
      static Task<void> waits(WaitQueue& q) { co_await q.wait(); }
    } body;
    timeline.spawn(body.waits(queue), "waits");
    timeline.spawn(body.waits(queue), "waits");
    timeline.run();
    CHECK(queue.size() == 2);
  }
  timeline.drain();
  CHECK(timeline.live_tasks() == 0);
}

TEST_CASE("a stalled run can say who waits for what") {
  Timeline timeline;
  WaitQueue queue(timeline, "the completion ring");
  WaitQueue unused(timeline, "unused");
  struct {
    static Task<void> waits(WaitQueue& q) { co_await q.wait(); }
  } body;
  timeline.spawn(body.waits(queue), "application");
  timeline.run();
  const std::vector<StallLine> lines = timeline.who_waits_for_what();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].who == "1 waiter(s)");
  CHECK(lines[0].waits_for == "the completion ring");
  CHECK(lines[1].who == "application");
  CHECK(lines[1].waits_for == "(has not ended)");
}

TEST_CASE("an owned event that is cancelled neither happens nor moves time") {
  struct Alarm final : OwnedEvent {
    int& happened;
    int& freed;
    Alarm(Timeline& t, int& h, int& f) : OwnedEvent(t), happened(h), freed(f) {}
    ~Alarm() override { ++freed; }
    void happen() override { ++happened; }
  };
  int happened = 0;
  int freed = 0;
  {
    Timeline timeline;
    auto* kept = new Alarm(timeline, happened, freed);
    auto* cancelled = new Alarm(timeline, happened, freed);
    auto* tied = new Alarm(timeline, happened, freed);
    timeline.after(1us, *kept);
    timeline.after(1us, *tied);
    timeline.after(10s, *cancelled);
    timeline.after(20s, *new Alarm(timeline, happened, freed));
    tied->cancel();
    cancelled->cancel();
    CHECK(timeline.run(SimTime{15s}) == RunState::horizon);
    CHECK(timeline.now() == SimTime{1us});
    CHECK(happened == 1);
    CHECK(freed == 3);
  }
  CHECK(happened == 1);
  CHECK(freed == 4);
}
