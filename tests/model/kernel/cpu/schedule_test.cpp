// SPDX-License-Identifier: Apache-2.0
// Who takes the CPU from whom, and where: classes, the tick, wake-ups, the preemption model.
#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;
using events::CpuClass;

namespace {

struct Scene {
  Log log;
  Cost work{100ns};
  WaitQueue queue{"test"};
  std::uint64_t done[2] = {0, 0};
  Rig rig{1};

  void wake_at(Duration time) {
    rig.at(time, [this] { queue.wake_from_outside(rig.system); });
  }
};

std::string name(Sleepable& ctx) {
  return "thread" + std::to_string(ctx.thread().id);
}

Task<void> run_once(Sleepable& ctx, Scene& s) {
  co_await ctx.spend(s.work);
  s.log.add(name(ctx), ctx.now());
}

Task<void> sleep_then_run(Sleepable& ctx, Scene& s) {
  co_await s.queue.wait(ctx, "test", events::Stage::queue);
  s.log.add("woken", ctx.now());
  co_await ctx.spend(s.work);
  s.log.add(name(ctx), ctx.now());
}

// 400 ns in the kernel, 100 ns in user mode.
Task<void> call_then_return(Sleepable& ctx, Scene& s) {
  ctx.turn_to(CpuClass::syscall);
  for (int i = 0; i < 2; ++i) co_await ctx.spend(s.work, 2);
  ctx.turn_to(CpuClass::user);
  s.log.add("returns", ctx.now());
  co_await ctx.spend(s.work);
  s.log.add("end", ctx.now());
}

// CPU time that two threads of these nice values get in `ticks` ticks of 1 us.
std::pair<Duration, Duration> shares(int nice_a, int nice_b, int ticks) {
  Scene s;
  s.work.each = 1ns;
  s.rig.tick_every(1us);
  s.rig.system.scheduler.latency = 8us;
  s.rig.system.scheduler.min_granularity = 1us;
  const Code<Scene> forever = [](Sleepable& ctx, Scene& scene) -> Task<void> {
    for (;;) {
      co_await ctx.spend(scene.work, 37);
      scene.done[ctx.thread().id - 1] += 37;
    }
  };
  s.rig.thread(0, s, forever).set_nice(nice_a);
  s.rig.thread(0, s, forever).set_nice(nice_b);
  s.rig.timeline.run(SimTime{} + ticks * 1us);
  const std::pair result{Duration(std::chrono::nanoseconds(s.done[0])),
                         Duration(std::chrono::nanoseconds(s.done[1]))};
  s.rig.end();
  return result;
}

}  // namespace

TEST_CASE("two threads share a CPU by the weights of their nice values, within a slice") {
  constexpr int kTicks = 20'000;
  const int nice[][2] = {{0, 0}, {0, 5}, {0, 1}, {-5, 5}};
  for (const auto& [a, b] : nice) {
    CAPTURE(a, b);
    const auto [time_a, time_b] = shares(a, b, kTicks);
    const std::int64_t weight_a = kNiceWeights[static_cast<std::size_t>(a + 20)];
    const std::int64_t weight_b = kNiceWeights[static_cast<std::size_t>(b + 20)];
    const Duration fair = kTicks * Duration{1us} * weight_a / (weight_a + weight_b);
    // A slice is at most the latency of 8 us and ends at the tick after it.
    CHECK(std::chrono::abs(time_a - fair) <= Duration{9us});
    CHECK(time_a + time_b >= kTicks * Duration{1us} - 2 * Duration{37ns});
  }
}

TEST_CASE("one nice level is worth 1.25 in weight, within a twentieth") {
  for (std::size_t i = 1; i < kNiceWeights.size(); ++i) {
    CAPTURE(i);
    const std::int64_t above = kNiceWeights[i - 1] * 100, below = kNiceWeights[i];
    CHECK(above >= 118 * below);
    CHECK(above <= 131 * below);
  }
  CHECK(kNiceWeights[20] == kNiceZeroWeight);
}

TEST_CASE("real-time threads run by priority, first in first out within one, fair ones after all") {
  Scene s;
  s.rig.thread(0, s, run_once);  // has the CPU first, and loses it
  s.rig.thread(0, s, run_once);  // fair
  s.rig.thread(0, s, run_once).set_fifo(10);
  s.rig.thread(0, s, run_once).set_fifo(50);
  s.rig.thread(0, s, run_once).set_fifo(10);
  s.rig.run();
  CHECK(s.log.text == "thread4@100 thread3@200 thread5@300 thread2@400 thread1@500");
}

TEST_CASE("a real-time thread that never sleeps starves the fair ones") {
  Scene s;
  s.rig.tick_every(50ns);
  s.rig
      .thread<Scene>(0, s,
                     [](Sleepable& ctx, Scene& scene) -> Task<void> {
                       for (int i = 0; i < 100; ++i) co_await ctx.spend(scene.work);
                       scene.log.add("rt", ctx.now());
                     })
      .set_fifo(1);
  s.rig.thread(0, s, run_once);
  s.rig.run();
  CHECK(s.log.text == "rt@10000 thread2@10100");
}

TEST_CASE("a preempted real-time thread is before its equals again, a yielding one behind them") {
  for (const bool yields : {false, true}) {
    Scene s;
    s.rig.thread(0, s, sleep_then_run).set_fifo(yields ? 7 : 90);
    if (yields)
      s.rig
          .thread<Scene>(0, s,
                         [](Sleepable& ctx, Scene& scene) -> Task<void> {
                           co_await ctx.spend(scene.work);
                           co_await ctx.sched_yield();
                           scene.log.add("back", ctx.now());
                         })
          .set_fifo(7);
    else
      s.rig.thread(0, s, run_once).set_fifo(7);
    s.rig.thread(0, s, run_once).set_fifo(7);
    s.wake_at(30ns);
    s.rig.run();
    if (yields)
      CHECK(s.log.text == "thread3@200 woken@200 thread1@300 back@300");
    else
      CHECK(s.log.text == "woken@30 thread1@130 thread2@200 thread3@300");
  }
}

TEST_CASE("yielding to nobody is no switch") {
  Scene s;
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    co_await ctx.spend(scene.work);
    co_await ctx.sched_yield();
    scene.log.add("back", ctx.now());
  });
  s.rig.run();
  CHECK(s.log.text == "back@100");
  CHECK(s.rig.probe.counters().context_switches == 1);
}

TEST_CASE("a woken fair thread takes the CPU if it is the granularity behind, in mid-burst") {
  for (const Duration granularity : {Duration{49ns}, Duration{51ns}}) {
    Scene s;
    s.rig.system.scheduler.latency = 100ns;  // half of it is what a sleeper is behind
    s.rig.system.scheduler.wakeup_granularity = granularity;
    s.rig.thread(0, s, sleep_then_run);
    s.rig.thread(0, s, run_once);
    s.wake_at(40ns);
    s.rig.run();
    if (granularity < 50ns)
      CHECK(s.log.text == "woken@40 thread1@140 thread2@200");
    else
      CHECK(s.log.text == "thread2@100 woken@100 thread1@200");
    CHECK(s.rig.spent(0, CpuClass::user) == 200ns);
  }
}

TEST_CASE("a sleeper's credit is half the latency, however long it slept") {
  // At 1 ms the runner has 1 ms behind it; the woken one is half the latency behind that.
  for (const Duration granularity : {Duration{9us}, Duration{11us}}) {
    Scene s;
    s.rig.system.scheduler.latency = 20us;
    s.rig.system.scheduler.wakeup_granularity = granularity;
    s.rig.thread(0, s, sleep_then_run);
    s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
      co_await ctx.spend(scene.work, 20'000);
      scene.log.add("end", ctx.now());
    });
    s.wake_at(1ms);
    s.rig.run();
    const bool takes = granularity < 10us;
    CHECK(s.log.text == (takes ? "woken@1000000 thread1@1000100 end@2000100"
                               : "end@2000000 woken@2000000 thread1@2000100"));
  }
}

TEST_CASE("kernel code gives way on its way to user mode, or anywhere, as the model says") {
  for (const Preemption model : {Preemption::none, Preemption::full}) {
    Scene s;
    s.rig.system.scheduler.preemption = model;
    s.rig.thread(0, s, sleep_then_run).set_fifo(1);
    s.rig.thread(0, s, call_then_return);
    s.wake_at(50ns);
    s.rig.run();
    CHECK(s.log.text == (model == Preemption::none ? "returns@400 woken@400 thread1@500 end@600"
                                                   : "woken@50 thread1@150 returns@500 end@600"));
  }
}

TEST_CASE("long kernel work gives way where it asks") {
  Scene s;
  s.rig.thread(0, s, sleep_then_run).set_fifo(1);
  s.rig.thread<Scene>(
      0, s,
      [](Sleepable& ctx, Scene& scene) -> Task<void> {
        for (int i = 0; i < 3; ++i) {
          co_await ctx.spend(scene.work);
          co_await ctx.cond_resched();
        }
        scene.log.add("end", ctx.now());
      },
      CpuClass::kthread);
  s.wake_at(150ns);
  s.rig.run();
  CHECK(s.log.text == "woken@200 thread1@300 end@400");
}

TEST_CASE("a spinlock puts preemption off until it is let go") {
  struct Locked : Scene {
    Spinlock lock;
  };
  Locked s;
  s.rig.system.scheduler.preemption = Preemption::full;
  s.rig.thread<Scene>(0, s, sleep_then_run).set_fifo(1);
  s.rig.thread<Locked>(0, s, [](Sleepable& ctx, Locked& scene) -> Task<void> {
    {
      const Spinlock::Guard guard = co_await scene.lock.lock(ctx);
      co_await ctx.spend(scene.work);
    }
    scene.log.add("unlocked", ctx.now());
    co_await ctx.spend(scene.work);
    scene.log.add("end", ctx.now());
  });
  s.wake_at(50ns);
  s.rig.run();
  CHECK(s.log.text == "unlocked@100 woken@100 thread1@200 end@300");
  s.rig.end();
}

TEST_CASE("somebody woken by an interrupt takes the CPU when the interrupt ends") {
  Scene s;
  s.rig.system.costs.irq_entry.each = 5ns;
  s.rig.system.costs.irq_exit.each = 7ns;
  s.rig.thread(0, s, sleep_then_run).set_fifo(1);
  s.rig.thread(0, s, run_once);
  s.rig.irq_at(40ns, 0, s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
    co_await scene.queue.wake_one(ctx);
    scene.log.add("irq", ctx.now());
  }));
  s.rig.run();
  CHECK(s.log.text == "irq@45 woken@52 thread1@152 thread2@212");
  CHECK(s.rig.spent_in_all() == s.rig.now());
}

TEST_CASE("a CPU that runs a thread ticks, an idle one does not, and the machine comes to rest") {
  Scene s;
  s.rig.tick_every(1us);
  s.rig.system.costs.tick.each = 10ns;
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    co_await ctx.spend(scene.work, 95);  // 9500 ns, and nine ticks
    co_await scene.queue.wait(ctx, "test", events::Stage::queue);
    co_await ctx.spend(scene.work, 15);  // from 100,500, with ticks at 101,000 and 102,000
  });
  s.wake_at(100'500ns);
  s.rig.run();
  CHECK(s.rig.system.costs.tick.count == 9 + 2);
  CHECK(s.rig.spent(0, CpuClass::hardirq) == 110ns);
  CHECK(s.rig.spent(0, CpuClass::user) == 11us);
  CHECK(s.rig.now() == 103us);  // the event that finds the CPU idle
  CHECK(s.rig.spent_in_all() == s.rig.now());
}

TEST_CASE("with small slices two threads approach processor sharing") {
  // Under processor sharing jobs of 1 ms and 3 ms that start together end at 2 ms and at 4 ms.
  Scene s;
  s.rig.tick_every(1us);
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    co_await ctx.spend(scene.work, 10'000);
    scene.done[0] = static_cast<std::uint64_t>(to_ps(ctx.now()));
  });
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    co_await ctx.spend(scene.work, 30'000);
    scene.done[1] = static_cast<std::uint64_t>(to_ps(ctx.now()));
  });
  s.rig.run();
  CHECK(std::chrono::abs(ps(static_cast<std::int64_t>(s.done[0])) - Duration{2ms}) <= 2us);
  CHECK(ps(static_cast<std::int64_t>(s.done[1])) == 4ms);
}
