// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/time/hrtimer.h"

#include <algorithm>

#include "model/engine/random.h"
#include "model/kernel/time/cpu_timers.h"
#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;
using events::CpuClass;

namespace {

struct Scene;

struct Alarm : HrTimer {
  Alarm(Scene& owner, const char* label) : HrTimer(&Alarm::ring), scene(owner), name(label) {}
  static Task<HrRestart> ring(Atomic& ctx, HrTimer& self);
  Scene& scene;
  const char* name;
  Duration interval{};      // periodic, if it has one
  int rounds = 0;           // that are left
  std::uint64_t times = 1;  // `work` done by the function
};

struct Scene {
  explicit Scene(std::uint32_t cpus) : rig(cpus) {}
  Alarm& alarm(const char* name) {
    return *alarms.emplace_back(std::make_unique<Alarm>(*this, name));
  }
  HrTimerBase& base(std::size_t cpu) { return rig.system.timers[cpu]->hrtimers; }

  Cost work;
  Cost step{50ns};
  Log log;
  Rig rig;
  std::vector<std::unique_ptr<Alarm>> alarms;
  std::vector<int> answers;
};

Task<HrRestart> Alarm::ring(Atomic& ctx, HrTimer& self) {
  auto& alarm = static_cast<Alarm&>(self);
  const char* const level = ctx.level() == Level::hardirq ? "h" : "s";
  alarm.scene.log.add(alarm.name + std::string(level) + std::to_string(ctx.cpu().index()),
                      ctx.now());
  co_await ctx.spend(alarm.scene.work, alarm.times);
  if (alarm.rounds == 0) co_return HrRestart::no;
  --alarm.rounds;
  const std::uint64_t overruns = alarm.forward(ctx.now(), alarm.interval);
  alarm.scene.answers.push_back(static_cast<int>(overruns));
  co_return HrRestart::yes;
}

}  // namespace

TEST_CASE("a timer expires at its time in a hardirq of the CPU that started it") {
  Scene s(2);
  Alarm& a = s.alarm("a");
  s.rig.irq_at(100ns, 1, s.rig.action<Alarm>(a, [](Atomic& ctx, Alarm& alarm) -> Task<void> {
    const bool was_queued = co_await alarm.start(ctx, ctx.now() + 50ns);
    CHECK_FALSE(was_queued);
    CHECK(alarm.active());
  }));
  s.rig.run();
  CHECK(s.log.text == "ah1@150");
  CHECK_FALSE(a.active());
  CHECK(s.rig.system.costs.hrtimer_expire.count == 1);
}

TEST_CASE("timers expire by expiry, first come first served among equals, in one interrupt") {
  Scene s(1);
  for (const char* name : {"a", "b", "c", "d"}) s.alarm(name);
  s.rig.irq_at(100ns, 0, s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
    const Duration delays[] = {30ns, 20ns, 30ns, 10ns};
    for (std::size_t i = 0; i < 4; ++i)
      co_await scene.alarms[i]->start(ctx, SimTime{} + 200ns + delays[i]);
  }));
  const std::uint64_t before = s.rig.probe.counters().interrupts;
  s.rig.run();
  CHECK(s.log.text == "dh0@210 bh0@220 ah0@230 ch0@230");
  CHECK(s.rig.probe.counters().interrupts - before == 1 + 3);
}

TEST_CASE("a start moves a queued timer, to the starting CPU, and says that it was queued") {
  Scene s(2);
  Alarm& a = s.alarm("a");
  const auto start = [](Atomic& ctx, Alarm& alarm) -> Task<void> {
    const bool was_queued = co_await alarm.start(ctx, ctx.now() + 100ns);
    alarm.scene.answers.push_back(was_queued ? 1 : 0);
  };
  IrqAction& starts = s.rig.action<Alarm>(a, start);
  s.rig.irq_at(100ns, 0, starts);
  s.rig.irq_at(150ns, 1, starts);
  s.rig.run();
  CHECK(s.log.text == "ah1@250");
  CHECK(s.answers == std::vector{0, 1});
}

TEST_CASE("a time that has passed expires at once, not inside the call") {
  Scene s(1);
  Alarm& a = s.alarm("a");
  s.rig.irq_at(100ns, 0, s.rig.action<Alarm>(a, [](Atomic& ctx, Alarm& alarm) -> Task<void> {
    co_await alarm.start(ctx, SimTime{} + 10ns);
    alarm.scene.log.add("started", ctx.now());
  }));
  s.rig.run();
  CHECK(s.log.text == "started@100 ah0@100");
}

TEST_CASE("the clock event device is programmed for the timer that is first, and paid for then") {
  Scene s(1);
  Alarm& far = s.alarm("far");
  Alarm& near = s.alarm("near");
  Cost& programs = s.rig.system.costs.clock_event;
  IrqAction& starts = s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
    Cost& programmed = ctx.costs().clock_event;
    co_await scene.alarms[1]->start(ctx, SimTime{} + 2us);
    CHECK(programmed.count == 1);
    co_await scene.alarms[0]->start(ctx, SimTime{} + 9us);  // behind the other
    CHECK(programmed.count == 1);
    const int cancelled = co_await scene.alarms[0]->try_to_cancel(ctx);
    CHECK(cancelled == 1);
    CHECK(programmed.count == 1);
    co_await scene.alarms[1]->try_to_cancel(ctx);  // the first: the device is stopped
    CHECK(programmed.count == 2);
  });
  s.rig.irq_at(1us, 0, starts);
  s.rig.run();
  CHECK(programs.count == 2);
  CHECK(s.log.text.empty());
  CHECK_FALSE(far.active());
  CHECK_FALSE(near.active());
  CHECK(s.rig.now() == 1us);  // and nothing of them is left on the timeline
}

TEST_CASE("where the tick comes first anyway the device need not be programmed") {
  Scene s(1);
  s.rig.tick_every(1ms);
  s.alarm("a");
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    Cost& programmed = ctx.costs().clock_event;
    co_await scene.alarms[0]->start(ctx, ctx.now() + 5ms);
    CHECK(programmed.count == 0);
    co_await scene.alarms[0]->start(ctx, ctx.now() + 50us);
    CHECK(programmed.count == 1);
  });
  s.rig.run();
  CHECK(s.log.text == "ah0@50000");
}

TEST_CASE(
    "try_to_cancel answers 1, 0 and -1; cancel waits for the function and stops its restart") {
  Scene s(2);
  s.work.each = 100ns;
  Alarm& a = s.alarm("a");
  a.rounds = 1'000'000;
  a.interval = 50ns;
  s.rig.irq_at(100ns, 0, s.rig.action<Alarm>(a, [](Atomic& ctx, Alarm& alarm) -> Task<void> {
    co_await alarm.start(ctx, SimTime{} + 200ns);  // the function runs from 200 to 300
  }));
  s.rig.thread<Scene>(1, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    HrTimer& timer = *scene.alarms[0];
    const int inactive = co_await timer.try_to_cancel(ctx);
    CHECK(inactive == 0);
    co_await ctx.spend(scene.step, 5);
    CHECK(timer.active());
    const int running = co_await timer.try_to_cancel(ctx);
    CHECK(running == -1);
    const bool was_active = co_await timer.cancel(ctx);
    CHECK(was_active);
    CHECK_FALSE(timer.active());
    scene.log.add("cancelled", ctx.now());
    const int again = co_await timer.try_to_cancel(ctx);
    CHECK(again == 0);
  });
  s.rig.run();
  CHECK(s.log.text.ends_with("cancelled@300"));
  CHECK(s.rig.spent(1, CpuClass::spin) == 50ns);
}

TEST_CASE("a queued timer that is cancelled does not expire, and cancel says that it was active") {
  Scene s(1);
  Alarm& a = s.alarm("a");
  s.rig.thread<Alarm>(0, a, [](Sleepable& ctx, Alarm& alarm) -> Task<void> {
    co_await alarm.start(ctx, ctx.now() + 1us);
    const bool was_active = co_await alarm.cancel(ctx);
    CHECK(was_active);
    const bool again = co_await alarm.cancel(ctx);
    CHECK_FALSE(again);
  });
  s.rig.run();
  CHECK(s.log.text.empty());
}

TEST_CASE("forward moves the expiry past now by whole intervals and counts them") {
  Scene s(1);
  s.work.each = 250ns;
  Alarm& a = s.alarm("a");
  a.interval = 100ns;
  a.rounds = 2;
  s.rig.irq_at(0ns, 0, s.rig.action<Alarm>(a, [](Atomic& ctx, Alarm& alarm) -> Task<void> {
    co_await alarm.start(ctx, SimTime{} + 1us);
  }));
  s.rig.run();
  // Expiries at 1000, then from 1250 on 1300, and from 1550 on 1600.
  CHECK(s.log.text == "ah0@1000 ah0@1300 ah0@1600");
  CHECK(s.answers == std::vector{3, 3});
  CHECK(a.expires() == SimTime{} + 1600ns);
}

TEST_CASE("within its slack a timer expires with another's interrupt, else at the slack's end") {
  for (const bool other : {false, true}) {
    Scene s(1);
    s.alarm("a");
    s.alarm("b");
    Scene& scene = s;
    s.rig.irq_at(0ns, 0, s.rig.action<Scene>(scene, [](Atomic& ctx, Scene& on) -> Task<void> {
      co_await on.alarms[0]->start(ctx, SimTime{} + 100ns, 50ns);
    }));
    if (other)
      s.rig.irq_at(10ns, 0, s.rig.action<Scene>(scene, [](Atomic& ctx, Scene& on) -> Task<void> {
        co_await on.alarms[1]->start(ctx, SimTime{} + 120ns);
      }));
    s.rig.run();
    CHECK(s.log.text == (other ? "bh0@120 ah0@120" : "ah0@150"));
  }
}

TEST_CASE("an interrupt looks again for timers that fell due while it ran others") {
  Scene s(1);
  s.work.each = 300ns;
  s.alarm("a");
  s.alarm("b").times = 0;
  s.rig.irq_at(0ns, 0, s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
    co_await scene.alarms[0]->start(ctx, SimTime{} + 1us);
    co_await scene.alarms[1]->start(ctx, SimTime{} + 1100ns);
  }));
  s.rig.run();
  CHECK(s.log.text == "ah0@1000 bh0@1300");
  CHECK(s.rig.probe.counters().interrupts == 2);
  CHECK(s.base(0).hangs() == 0);
}

TEST_CASE("a timer whose next expiry has always passed is put off by the time it has taken") {
  Scene s(1);
  s.work.each = 100ns;
  struct Greedy : HrTimer {
    explicit Greedy(Scene& owner) : HrTimer(&Greedy::ring), scene(owner) {}
    static Task<HrRestart> ring(Atomic& ctx, HrTimer& self) {
      auto& greedy = static_cast<Greedy&>(self);
      greedy.scene.log.add("g", ctx.now());
      greedy.forward(ctx.now(), 1ns);
      co_await ctx.spend(greedy.scene.work);  // and that has passed
      co_return --greedy.left == 0 ? HrRestart::no : HrRestart::yes;
    }
    Scene& scene;
    int left = 4;
  } greedy{s};
  s.rig.irq_at(0ns, 0, s.rig.action<Greedy>(greedy, [](Atomic& ctx, Greedy& on) -> Task<void> {
    co_await on.start(ctx, SimTime{} + 1us);
  }));
  s.rig.run();
  CHECK(s.base(0).hangs() == 1);
  CHECK(s.log.text == "g@1000 g@1100 g@1200 g@1600");
  s.rig.end();
}

TEST_CASE("without high resolution timers expire in the softirq after the next tick") {
  Scene s(1);
  s.rig.system.scheduler.hz = 1000;
  s.rig.system.timer_params.high_resolution = false;
  s.alarm("a");
  s.alarm("b");
  s.rig.irq_at(100us, 0, s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
    co_await scene.alarms[0]->start(ctx, ctx.now() + 50us);
    co_await scene.alarms[1]->start(ctx, SimTime{} + 2ms);
  }));
  s.rig.run();
  CHECK(s.log.text == "as0@1000000 bs0@2000000");
}

TEST_CASE("whatever is started, moved and cancelled, what is left expires once, in order") {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Scene s(1);
    struct Play {
      Scene& scene;
      std::uint64_t seed;
      std::vector<std::pair<Duration, int>> expected;
    } play{s, seed, {}};
    for (int i = 0; i < 10; ++i) s.alarm("");
    s.rig.irq_at(0ns, 0, s.rig.action<Play>(play, [](Atomic& ctx, Play& on) -> Task<void> {
      std::uint64_t state = on.seed * 0x9e3779b97f4a7c15u + 1;
      std::vector<Duration> due(10, Duration{-1});
      for (int step = 0; step < 60; ++step) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        const auto which = static_cast<std::size_t>((state >> 33) % 10);
        const Duration at = std::chrono::nanoseconds{100 + (state >> 40) % 7 * 10};
        HrTimer& timer = *on.scene.alarms[which];
        if ((state >> 60) % 4 == 0) {
          const bool active = co_await timer.cancel(ctx);
          CHECK(active == (due[which] >= Duration{0}));
          due[which] = Duration{-1};
        } else {
          const bool queued = co_await timer.start(ctx, SimTime{} + at);
          CHECK(queued == (due[which] >= Duration{0}));
          due[which] = at;
        }
      }
      for (const Duration each : due)
        if (each >= Duration{0}) on.expected.emplace_back(each, 0);
    }));
    s.rig.run();
    std::sort(play.expected.begin(), play.expected.end());
    Log expected;
    for (const auto& [at, nothing] : play.expected) expected.add("h0", SimTime{} + at);
    CHECK(s.log.text == expected.text);
  }
}
