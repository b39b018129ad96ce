// SPDX-License-Identifier: Apache-2.0
// How long softirqs go on after a hardirq, and who serves the rest.
#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;
using events::CpuClass;

namespace {

struct Scene {
  Cost work{100ns};
  Cost step{10ns};
  int left = 0;
  int served = 0;
  Log log;
  WaitQueue queue{"queue"};
  Rig rig{1};

  // A block softirq that raises itself until it has run `times` times.
  void storm_at(Duration time, int times) {
    left = times;
    rig.cpu(0).on_softirq(Softirq::block,
                          rig.action<Scene>(*this, [](Atomic& ctx, Scene& s) -> Task<void> {
                            co_await ctx.spend(s.step);
                            ++s.served;
                            if (--s.left > 0) ctx.cpu().raise_softirq(Softirq::block);
                            if (s.left == 0) s.log.add("last", ctx.now());
                          }));
    rig.irq_at(time, 0, rig.action<Scene>(*this, [](Atomic& ctx, Scene&) -> Task<void> {
      ctx.cpu().raise_softirq(Softirq::block);
      co_return;
    }));
  }
};

Task<void> busy(Sleepable& ctx, Scene& s) {
  co_await ctx.spend(s.work, 10);
  s.log.add("served" + std::to_string(s.served), ctx.now());
}

}  // namespace

TEST_CASE("softirqs that raise themselves run ten times, then compete with the threads") {
  Scene s;
  s.rig.thread(0, s, busy);
  s.storm_at(50ns, 25);
  s.rig.run();
  // Ten rounds take 100 ns from the thread; the other fifteen come when it has ended, ten and five.
  CHECK(s.log.text == "served10@1100 last@1250");
  CHECK(s.rig.spent(0, CpuClass::softirq) == 250ns);
  CHECK(s.rig.probe.counters().context_switches == 2);  // to the thread, to ksoftirqd
}

TEST_CASE("ten rounds need no thread") {
  Scene s;
  s.rig.thread(0, s, busy);
  s.storm_at(50ns, 10);
  s.rig.run();
  CHECK(s.log.text == "last@150 served10@1100");
  CHECK(s.rig.probe.counters().context_switches == 1);
}

TEST_CASE("after two milliseconds no further round begins") {
  Scene s;
  s.rig.thread(0, s, busy);
  s.step.each = 1500us;
  s.storm_at(50ns, 3);
  s.rig.run();
  CHECK(s.log.text == "served2@3001000 last@4501000");
}

TEST_CASE("a thread that should run ends the rounds") {
  Scene s;
  Thread& urgent = s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    co_await scene.queue.wait(ctx, "test", events::Stage::queue);
    scene.log.add("urgent" + std::to_string(scene.served), ctx.now());
  });
  urgent.set_fifo(1);
  s.rig.thread(0, s, busy);
  s.storm_at(50ns, 5);
  s.rig.cpu(0).on_softirq(Softirq::net_rx,
                          s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
                            co_await scene.queue.wake_one(ctx);
                          }));
  s.rig.irq_at(50ns, 0, s.rig.action<Scene>(s, [](Atomic& ctx, Scene&) -> Task<void> {
    ctx.cpu().raise_softirq(Softirq::net_rx);
    co_return;
  }));
  s.rig.run();
  // Both softirqs of the first round, then the thread; ksoftirqd waits behind the busy one.
  CHECK(s.log.text == "urgent1@60 served1@1010 last@1050");
}

TEST_CASE("high-priority tasklets run before every other softirq") {
  Scene s;
  s.rig.cpu(0).on_softirq(Softirq::block,
                          s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
                            scene.log.add("block", ctx.now());
                            co_return;
                          }));
  IrqAction& low = s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
    scene.log.add("low", ctx.now());
    co_await ctx.spend(scene.step);
  });
  IrqAction& high = s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
    scene.log.add("high", ctx.now());
    co_await ctx.spend(scene.step);
  });
  struct Both {
    IrqAction& low;
    IrqAction& high;
  } both{low, high};
  s.rig.irq_at(50ns, 0, s.rig.action<Both>(both, [](Atomic& ctx, Both& b) -> Task<void> {
    ctx.cpu().schedule_tasklet(b.low);
    ctx.cpu().raise_softirq(Softirq::block);
    ctx.cpu().schedule_tasklet(b.high, Softirq::hi);
    ctx.cpu().schedule_tasklet(b.high, Softirq::hi);
    co_return;
  }));
  s.rig.run();
  CHECK(s.log.text == "high@50 block@60 low@60");
  s.rig.end();
}
