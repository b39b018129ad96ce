// SPDX-License-Identifier: Apache-2.0
// The pump beside foreign SystemC processes.
#include "model/engine/hosted/pump.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/model/engine/hosted/foreign.h"
#include "tests/model/engine/hosted/sc_thread_tag.h"

using namespace iodrome;
using namespace iodrome::hosted;

namespace {

Task<void> sleeps(Timeline& timeline, Duration delay) {
  co_await sleep_for(timeline, delay);
}

Task<void> steps(Timeline& timeline, Duration step, int count, std::vector<SimTime>& times) {
  for (int i = 0; i < count; ++i) {
    co_await sleep_for(timeline, step);
    times.push_back(timeline.now());
  }
}

}  // namespace

TEST_CASE("a doorbell rung while ahead arrives at exactly its time") {
  Timeline timeline;
  HostedDriver driver(timeline);
  auto& listener = driver.host().context.make<Listener>("listener");
  struct {
    static Task<void> rings(Timeline& t, sc_core::sc_event& event, std::vector<SimTime>& rung) {
      co_await sleep_for(t, 100ns);
      co_await Ring{t, event, 0};
      rung.push_back(t.now());
      co_await sleep_for(t, 50ns);
      co_await Ring{t, event, 7};
      co_await sleep_for(t, 10ns);  // beyond the notification that is still to come
      rung.push_back(t.now());
    }
  } body;
  std::vector<SimTime> rung;
  std::vector<SimTime> others;
  timeline.spawn(body.rings(timeline, listener.rung, rung), "rings");
  timeline.spawn(steps(timeline, 30ns, 10, others), "runs ahead");
  CHECK(driver.run(timeline) == RunState::idle);
  CHECK(listener.heard_ps == std::vector<std::uint64_t>{100'000, 157'000});
  CHECK(rung == std::vector{SimTime{100ns}, SimTime{160ns}});
  CHECK(others.back() == SimTime{300ns});
}

TEST_CASE("an access in step that makes something happen soon ends run-ahead") {
  for (const bool run_ahead : {true, false}) {
    CAPTURE(run_ahead);
    Timeline timeline;
    HostedDriver driver(timeline, {.run_ahead = run_ahead, .waves = {}});
    std::string log;
    Note answer(log, 'a');
    auto& device = driver.host().context.make<Answering>("device", driver.pump(), answer);
    const auto port = driver.through_sockets(device, "registers");
    struct {
      static Task<void> asks(Timeline& t, hw::Port& p, std::string& to) {
        co_await sleep_for(t, 100ns);
        co_await p.read32(0);      // afterwards local time is SystemC's
        co_await p.write32(0, 1);  // so this one is served at once
        co_await sleep_for(t, 6ns);
        to += 'x';
        co_await sleep_for(t, 2ns);
        to += 'y';
      }
    } body;
    timeline.spawn(body.asks(timeline, *port, log), "asks");
    driver.run(timeline);
    CHECK(log == "xay");
    CHECK(timeline.now() == SimTime{108ns});
  }
}

TEST_CASE("without the rule a notification from ahead would come too early") {
  Timeline timeline;
  HostedDriver driver(timeline);
  auto& listener = driver.host().context.make<Listener>("listener");
  struct {
    static Task<void> breaks_the_rule(Timeline& t, sc_core::sc_event& event) {
      co_await sleep_for(t, 100ns);
      event.notify(sc_core::SC_ZERO_TIME);
    }
  } body;
  timeline.spawn(body.breaks_the_rule(timeline, listener.rung), "breaks the rule");
  driver.run(timeline);
  CHECK(listener.heard_ps == std::vector<std::uint64_t>{0});
}

TEST_CASE("at equal times SystemC settles first, in both orders of construction") {
  for (const bool foreign_first : {true, false}) {
    for (const int deltas : {0, 1, 5}) {
      for (const bool run_ahead : {true, false}) {
        CAPTURE(foreign_first, deltas, run_ahead);
        std::string log;
        Note own(log, 't');
        Note before(log, 'b');
        Note posted(log, 'f');
        Timeline timeline;
        timeline.at(SimTime{99ns}, before);
        timeline.at(SimTime{100ns}, own);
        timeline.spawn(sleeps(timeline, 200ns), "keeps the run alive");
        Context context;
        Pump* pump = nullptr;
        if (foreign_first) context.make<Foreign>("foreign", &pump, 100.0, deltas, posted);
        pump = &context.make<Pump>("pump", timeline, run_ahead);
        if (!foreign_first) context.make<Foreign>("foreign", &pump, 100.0, deltas, posted);
        const Context::Use use(context);
        pump->take_turn();
        CHECK(log == "bft");
        CHECK(timeline.now() == SimTime{200ns});
      }
    }
  }
}

TEST_CASE("a foreign event wakes tasks that wait at the foreign time") {
  Timeline timeline;
  HostedDriver driver(timeline);
  struct Wakes : Event {
    Timeline& timeline;
    std::vector<SimTime>& times;
    Wakes(Timeline& t, std::vector<SimTime>& to) : Event{&Wakes::note}, timeline(t), times(to) {}
    static void note(Event* self) {
      auto* wakes = static_cast<Wakes*>(self);
      wakes->times.push_back(wakes->timeline.now());
    }
  };
  std::vector<SimTime> times;
  std::vector<SimTime> others;
  Wakes wakes(timeline, times);
  Pump* pump = &driver.pump();
  driver.host().context.make<Foreign>("foreign", &pump, 70.5, 2, wakes);
  timeline.spawn(steps(timeline, 30ns, 4, others), "others");
  driver.run(timeline);
  CHECK(times == std::vector{SimTime{ps(70'500)}});
  CHECK(others == std::vector{SimTime{30ns}, SimTime{60ns}, SimTime{90ns}, SimTime{120ns}});
}

TEST_CASE("a foreign clock beside the timeline changes nothing and does not keep a finished run") {
  Timeline timeline;
  HostedDriver driver(timeline);
  auto& ticker = driver.host().context.make<Ticker>("ticker");
  std::vector<SimTime> times;
  timeline.spawn(steps(timeline, ps(500), 2000, times), "steps");
  CHECK(driver.run(timeline) == RunState::idle);
  REQUIRE(times.size() == 2000);
  for (std::size_t i = 0; i < times.size(); ++i)
    REQUIRE(times[i] == SimTime{ps(500) * static_cast<std::int64_t>(i + 1)});
  CHECK(ticker.ticks >= 1000);
  CHECK(ticker.ticks <= 1002);
}

TEST_CASE("errors in foreign modules reach the caller instead of ending the process",
          IODROME_SC_THREAD) {
  for (const int kind : {0, 1, 2}) {
    CAPTURE(kind);
    Timeline timeline;
    HostedDriver driver(timeline);
    driver.host().context.make<Thrower>("thrower", kind);
    timeline.spawn(sleeps(timeline, 10ns), "sleeps");
    const char* const said[] = {"reported an error", "reported a fatal error", "threw"};
    CHECK_THROWS_WITH(driver.run(timeline), Catch::Contains(said[kind]));
    CHECK_THROWS_AS(driver.run(timeline), InternalError);
  }
}

TEST_CASE("what suspended threads hold is released with the driver", IODROME_SC_THREAD) {
  int unwound = 0;
  {
    Timeline timeline;
    HostedDriver driver(timeline);
    driver.host().context.make<Suspended>("one", unwound);
    driver.host().context.make<Suspended>("two", unwound);
    timeline.spawn(sleeps(timeline, 10ns), "sleeps");
    driver.run(timeline);
    CHECK(unwound == 0);
  }
  CHECK(unwound == 2);
}

TEST_CASE("a driver that never ran is freed too, and SystemC's globals are as before") {
  sc_core::sc_simcontext* const current = sc_core::sc_curr_simcontext;
  int unwound = 0;
  {
    Timeline timeline;
    HostedDriver driver(timeline);
    driver.host().context.make<Suspended>("one", unwound);
    CHECK(sc_core::sc_curr_simcontext == current);
  }
  CHECK(unwound == 0);
  CHECK(sc_core::sc_curr_simcontext == current);
}

TEST_CASE("SystemC's clock is read by the pump alone") {
  namespace fs = std::filesystem;
  const fs::path root = IODROME_SOURCE_DIR;
  std::vector<std::string> readers;
  for (const char* folder : {"model", "hw"})
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string suffix = entry.path().extension();
      if (suffix != ".h" && suffix != ".cpp") continue;
      std::ostringstream text;
      text << std::ifstream(entry.path()).rdbuf();
      if (text.str().find("sc_time_stamp") != std::string::npos)
        readers.push_back(fs::relative(entry.path(), root).string());
    }
  CHECK(readers == std::vector<std::string>{"model/engine/hosted/pump.cpp"});
}
