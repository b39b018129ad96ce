// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/time/timer_wheel.h"

#include <algorithm>

#include "model/kernel/time/cpu_timers.h"
#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;
using events::CpuClass;

namespace {

struct Scene;

struct Timeout : Timer {
  Timeout(Scene& owner, std::string label)
      : Timer(&Timeout::expired), scene(owner), name(std::move(label)) {}
  static Task<void> expired(Atomic& ctx, Timer& self);
  Scene& scene;
  std::string name;
  Jiffies again = 0;  // sets itself so far ahead, each time
  int rounds = 0;
  Jiffies at = 0;  // when it expired
};

struct Scene {
  explicit Scene(std::uint32_t cpus, std::int64_t hz = 1000) : rig(cpus) {
    rig.system.scheduler.hz = hz;
    rig.system.scheduler.latency = 100ms;
    rig.system.scheduler.min_granularity = 100ms;
  }
  Timeout& timer(std::string name) {
    return *timers.emplace_back(std::make_unique<Timeout>(*this, std::move(name)));
  }
  Jiffies now() const { return jiffies(rig.system); }

  Cost work;
  Log log;
  Rig rig;
  std::vector<std::unique_ptr<Timeout>> timers;
  std::vector<int> answers;
};

Task<void> Timeout::expired(Atomic& ctx, Timer& self) {
  auto& timer = static_cast<Timeout&>(self);
  CHECK(ctx.level() == Level::softirq);
  timer.at = timer.scene.now();
  timer.scene.log.add(timer.name + "/" + std::to_string(ctx.cpu().index()), ctx.now());
  co_await ctx.spend(timer.scene.work);
  if (timer.rounds-- > 0) co_await timer.mod(ctx, timer.scene.now() + timer.again);
}

// A level's first timeout and granularity, in jiffies: LVL_START and LVL_GRAN of Linux's timer.c.
struct Level {
  Jiffies from;
  Jiffies granularity;
};
constexpr Level kWheelLevels[] = {
    {0, 1},          {63, 8},           {504, 64},           {4032, 512},          {32256, 4096},
    {258048, 32768}, {2064384, 262144}, {16515072, 2097152}, {132120576, 16777216}};

struct Setting {
  Scene& scene;
  std::vector<Jiffies> expires;
};

Task<void> set_all(Atomic& ctx, Setting& setting) {
  for (std::size_t i = 0; i < setting.expires.size(); ++i)
    co_await setting.scene.timers[i]->mod(ctx, setting.expires[i]);
}

}  // namespace

TEST_CASE("a timer expires never early, and late by at most its level's granularity") {
  // From clocks that stand anywhere in the levels' rounds.
  for (const Jiffies clock : {Jiffies{0}, Jiffies{5}, Jiffies{63}, Jiffies{511}, Jiffies{70003}}) {
    Scene s(1);
    Setting setting{s, {}};
    std::uint64_t state = clock + 1;
    for (const auto& level : kWheelLevels)
      for (int i = 0; i < 20; ++i) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        const Jiffies delay = level.from + (state >> 33) % (level.granularity * 55);
        setting.expires.push_back(clock + delay);
        s.timer("t");
      }
    s.rig.irq_at(clock * Duration{1ms} + 300us, 0, s.rig.action<Setting>(setting, set_all));
    s.rig.run();
    for (std::size_t i = 0; i < setting.expires.size(); ++i) {
      const Timeout& timer = *s.timers[i];
      const Jiffies granularity = kWheelLevels[i / 20].granularity;
      INFO("from " << clock << " for " << setting.expires[i] - clock << ": " << timer.at);
      CHECK(timer.at > setting.expires[i]);
      CHECK(timer.at <= setting.expires[i] + granularity);
      CHECK(timer.at % granularity == 0);
    }
  }
}

TEST_CASE("timers of one bucket expire last in first out, those of coarser levels first") {
  Scene s(1);
  for (const char* name : {"a", "b", "c"}) s.timer(name);
  // 64 jiffies fall due with level 1 at 72, 71 from a wheel that has gone on with level 0 at 72.
  Setting first{s, {64}};
  Setting second{s, {64, 71, 71}};
  s.rig.irq_at(100us, 0, s.rig.action<Setting>(first, set_all));
  s.rig.irq_at(20ms + 100us, 0,
               s.rig.action<Setting>(second, [](Atomic& ctx, Setting& on) -> Task<void> {
                 co_await on.scene.timers[1]->mod(ctx, 71);
                 co_await on.scene.timers[2]->mod(ctx, 71);
               }));
  s.rig.run();
  CHECK(s.log.text == "a/0@72000000 c/0@72000000 b/0@72000000");
}

TEST_CASE("a timeout beyond the last level is cut down to it") {
  for (const std::int64_t hz : {1000, 100}) {
    Scene s(1, hz);
    s.timer("t");
    Setting setting{s, {Jiffies{1} << 40}};
    s.rig.irq_at(0ns, 0, s.rig.action<Setting>(setting, set_all));
    s.rig.run();
    // WHEEL_TIMEOUT_MAX, rounded up: 63 << 24 with nine levels, 63 << 21 with eight.
    CHECK(s.timers[0]->at == Jiffies{63} << (hz > 100 ? 24 : 21));
  }
}

TEST_CASE("mod, del and try_to_del answer whether the timer was pending") {
  Scene s(2);
  s.work.each = 100us;
  s.timer("t");
  s.rig.irq_at(0ns, 0, s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
    Timer& timer = *scene.timers[0];
    const bool first = co_await timer.mod(ctx, 5);
    const bool second = co_await timer.mod(ctx, 7);
    const bool taken = co_await timer.del(ctx);
    const bool again = co_await timer.del(ctx);
    scene.answers = {first, second, taken, again};
    co_await timer.mod(ctx, 1);  // expires at 2 ms, and takes 100 us
  }));
  s.rig.at(2050us, [&] {
    s.rig.thread<Scene>(1, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
      Timer& timer = *scene.timers[0];
      const bool pending = co_await timer.del(ctx);
      const int running = co_await timer.try_to_del_sync(ctx);
      scene.answers.push_back(pending);
      scene.answers.push_back(running);
      const bool was_pending = co_await timer.del_sync(ctx);
      CHECK_FALSE(was_pending);
      scene.log.add("deleted", ctx.now());
    });
  });
  s.rig.run();
  CHECK(s.answers == std::vector{0, 1, 1, 0, 0, -1});
  CHECK(s.log.text == "t/0@2000000 deleted@2100000");
  CHECK(s.rig.spent(1, CpuClass::spin) == 50us);
}

TEST_CASE("a timer expires on the CPU that set it last, and may set itself again") {
  Scene s(2);
  Timeout& timer = s.timer("t");
  timer.again = 3;
  timer.rounds = 2;
  Setting setting{s, {10}};
  s.rig.irq_at(100us, 0, s.rig.action<Setting>(setting, set_all));
  s.rig.irq_at(200us, 1, s.rig.action<Setting>(setting, set_all));
  s.rig.run();
  CHECK(s.log.text == "t/1@11000000 t/1@15000000 t/1@19000000");
}

TEST_CASE("a busy CPU's tick drives its wheel; an idle one has a single tick for it") {
  for (const bool busy : {false, true}) {
    Scene s(1);
    s.work.each = 1us;
    s.rig.system.costs.tick.each = 1us;
    s.timer("t");
    Setting setting{s, {5}};
    s.rig.irq_at(0ns, 0, s.rig.action<Setting>(setting, set_all));
    if (busy)
      s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
        co_await ctx.spend(scene.work, 20'000);
      });
    s.rig.run();
    CHECK(s.log.text == "t/0@6001000");  // after the tick
    // 20 ms of work, ticks and the timer: ticks at 1, 2 … 20 ms.
    CHECK(s.rig.system.costs.tick.count == (busy ? 20u : 1u));
    CHECK(s.rig.probe.counters().interrupts == (busy ? 21u : 2u));
  }
}

TEST_CASE("a CPU that becomes idle at the very tick still runs its timer") {
  for (const Duration busy_for : {Duration{6ms}, Duration{6ms - 1ns}, Duration{6ms + 1ns}}) {
    Scene s(1);
    s.work.each = busy_for;
    s.timer("t");
    Setting setting{s, {5}};
    s.rig.irq_at(0ns, 0, s.rig.action<Setting>(setting, set_all));
    s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
      co_await ctx.spend(scene.work);
      scene.work.each = Duration{0};
    });
    s.rig.run();
    CHECK(s.timers[0]->at == 6);
  }
}

TEST_CASE("the timer softirq comes before the others") {
  Scene s(1);
  s.timer("t");
  IrqAction& receive = s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
    scene.log.add("net_rx", ctx.now());
    return Task<void>::ready();
  });
  s.rig.cpu(0).on_softirq(Softirq::net_rx, receive);
  Setting setting{s, {5}};
  s.rig.irq_at(0ns, 0, s.rig.action<Setting>(setting, set_all));
  s.rig.system.costs.tick.each = 1us;
  s.rig.irq_at(6ms, 0, s.rig.action<Scene>(s, [](Atomic& ctx, Scene&) -> Task<void> {
    ctx.cpu().raise_softirq(Softirq::net_rx);
    return Task<void>::ready();
  }));
  s.rig.run();
  CHECK(s.log.text == "t/0@6001000 net_rx@6001000");
}

TEST_CASE("jiffies are counted from the machine's beginning, and times round up to them") {
  Scene s(1, 250);
  CHECK(jiffy_length(s.rig.system) == 4ms);
  CHECK(to_jiffies(s.rig.system, Duration{0}) == 0);
  CHECK(to_jiffies(s.rig.system, 1ns) == 1);
  CHECK(to_jiffies(s.rig.system, 4ms) == 1);
  CHECK(to_jiffies(s.rig.system, 5ms) == 2);
  s.rig.run(9ms);
  CHECK(s.now() == 2);
}
