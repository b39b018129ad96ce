// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/time/sleep.h"

#include "model/kernel/sync/wait_queue.h"
#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;
using events::Stage;

namespace {

struct Scene {
  explicit Scene(std::uint32_t cpus) : rig(cpus) { rig.system.scheduler.hz = 1000; }
  Log log;
  Rig rig;
  WaitQueue queue{"queue"};
  SleepClock clock = SleepClock::jiffies;
  Cost work{5us};
  Thread* sleeper = nullptr;
};

}  // namespace

TEST_CASE("schedule_timeout sleeps for its jiffies and the rest of the one it began in") {
  Scene s(1);
  s.rig.at(300us, [&] {
    s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
      const Jiffies left = co_await schedule_timeout(ctx, 3, "test", Stage::queue);
      CHECK(left == 0);
      scene.log.add("slept", ctx.now());
    });
  });
  s.rig.run();
  CHECK(s.log.text == "slept@4000000");
  CHECK(s.rig.system.costs.timer_mod.count == 1);
  CHECK(s.rig.system.costs.timer_expire.count == 1);
  CHECK(s.rig.system.costs.try_to_wake_up.count == 1);
  CHECK(s.rig.probe.counters().interrupts == 1);
}

TEST_CASE("schedule_timeout tells a thread that was woken how many jiffies were left") {
  Scene s(1);
  Thread& sleeper = s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    const Jiffies left = co_await schedule_timeout(ctx, 100, "test", Stage::queue);
    CHECK(left == 60);
    scene.log.add("woken", ctx.now());
  });
  s.rig.at(40ms, [&] { wake_up(s.rig.system, sleeper, nullptr); });
  s.rig.run();
  CHECK(s.log.text == "woken@40000000");
  CHECK(s.rig.now() == 41ms);  // the tick under way; the timer is gone
  CHECK(s.rig.system.costs.timer_del.count == 1);
}

TEST_CASE("schedule_hrtimeout sleeps up to the moment, put off by the slack of a fair thread") {
  for (const bool real_time : {false, true}) {
    Scene s(1);
    s.rig.system.timer_params.slack = 50us;
    Thread& thread = s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
      const Errno ended = co_await schedule_hrtimeout(ctx, SimTime{} + 300us, "test", Stage::queue);
      CHECK(ended == Errno::ok);
      scene.log.add("slept", ctx.now());
    });
    if (real_time) thread.set_fifo(1);
    s.rig.run();
    CHECK(s.log.text == (real_time ? "slept@300000" : "slept@350000"));
  }
}

TEST_CASE("schedule_hrtimeout is EINTR for a thread that was woken") {
  Scene s(1);
  Thread& sleeper = s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    const Errno ended = co_await schedule_hrtimeout(ctx, SimTime{} + 1s, "test", Stage::queue);
    CHECK(ended == Errno::eintr);
    scene.log.add("woken", ctx.now());
  });
  s.rig.at(40us, [&] { wake_up(s.rig.system, sleeper, nullptr); });
  s.rig.run();
  CHECK(s.log.text == "woken@40000");
  CHECK(s.rig.now() == 1ms);  // the tick under way; the timer is gone
}

TEST_CASE("a wait's deadline is met by the timer it asks for, and paid for") {
  for (const SleepClock clock : {SleepClock::jiffies, SleepClock::high_resolution}) {
    Scene s(1);
    s.clock = clock;
    s.rig.system.costs.timer_mod.each = s.rig.system.costs.hrtimer_start.each = 10ns;
    s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
      WaitOptions options;
      options.deadline = ctx.now() + 1500us;
      options.clock = scene.clock;
      const WaitOutcome outcome = co_await scene.queue.wait_for(ctx, "test", Stage::queue, options);
      CHECK(outcome == WaitOutcome::timed_out);
      scene.log.add("slept", ctx.now());
    });
    s.rig.run();
    CHECK(s.log.text == (clock == SleepClock::jiffies ? "slept@3000000" : "slept@1500000"));
    CHECK(s.rig.system.costs.hrtimer_start.count + s.rig.system.costs.timer_mod.count == 1);
    CHECK(s.queue.empty());
  }
}

TEST_CASE("a wake-up while the sleep's timer is being set is not lost") {
  Scene s(2);
  s.rig.system.costs.timer_mod.each = 100ns;
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    WaitOptions options;
    options.deadline = ctx.now() + 1s;
    const WaitOutcome outcome = co_await scene.queue.wait_for(ctx, "test", Stage::queue, options);
    CHECK(outcome == WaitOutcome::woken);
    scene.log.add("woken", ctx.now());
  });
  s.rig.irq_at(50ns, 1, s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
    co_await scene.queue.wake_one(ctx);
  }));
  s.rig.run();
  CHECK(s.log.text == "woken@100");
  CHECK(s.rig.now() == 1ms);  // the tick under way; the timer is gone
}

TEST_CASE("a sleeper that was woken while its timer expires waits for the timer's function") {
  Scene s(2);
  s.rig.system.costs.try_to_wake_up.each = 100ns;
  s.clock = SleepClock::high_resolution;
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    WaitOptions options;
    options.deadline = SimTime{} + 1us;
    options.clock = scene.clock;
    const WaitOutcome outcome = co_await scene.queue.wait_for(ctx, "test", Stage::queue, options);
    CHECK(outcome == WaitOutcome::woken);
    scene.log.add("woken", ctx.now());
  });
  // Another thread has its CPU, so it runs on the waker's.
  s.rig.at(500ns, [&] {
    s.rig.thread<Scene>(
        0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> { co_await ctx.spend(scene.work); });
  });
  // Chosen at 1050, by a waker that began at 950; the timer's function runs from 1000 to 1100.
  s.rig.irq_at(950ns, 1, s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
    co_await scene.queue.wake_one(ctx);
  }));
  s.rig.run();
  CHECK(s.log.text == "woken@1100");
  CHECK(s.rig.spent(1, events::CpuClass::spin) == 50ns);
}
