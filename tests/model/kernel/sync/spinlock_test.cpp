// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/sync/spinlock.h"

#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;
using events::CpuClass;
using events::Stage;

namespace {

struct Scene {
  explicit Scene(std::uint32_t cpus) : rig(cpus) { rig.system.costs.spin_lock.each = 2ns; }
  Cost before{10ns};  // times the CPU's number plus one, so that CPU 0 comes first
  Cost inside{100ns};
  Log log;
  events::StageLedger ledgers[4];
  WaitQueue queue{"queue"};
  Spinlock lock;
  Rig rig;
};

Task<void> contend(Sleepable& ctx, Scene& s) {
  const std::uint32_t cpu = ctx.cpu().index();
  events::StageLedger& ledger = s.ledgers[cpu];
  ledger.open(ctx.now(), Stage::kernel);
  const WorkOn on(ctx, &ledger, Stage::kernel);
  co_await ctx.spend(s.before, cpu + 1);
  {
    const Spinlock::Guard guard = co_await s.lock.lock(ctx);
    s.log.add("cpu" + std::to_string(cpu), ctx.now());
    co_await ctx.spend(s.inside);
  }
  ledger.close(ctx.now());
}

}  // namespace

TEST_CASE("a spinlock is handed over in the order of arrival, and waiting burns the CPU") {
  Scene s(4);
  for (const std::uint32_t cpu : {3u, 1u, 0u, 2u}) s.rig.thread(cpu, s, contend);
  s.rig.run();
  CHECK(s.log.text == "cpu0@12 cpu1@114 cpu2@216 cpu3@318");
  for (std::uint32_t cpu = 0; cpu < 4; ++cpu) {
    const Duration spun = cpu * 102ns - cpu * 10ns;
    CHECK(s.rig.spent(cpu, CpuClass::spin) == spun);
    CHECK(s.rig.spent(cpu, CpuClass::user) == (cpu + 1) * 10ns + 102ns);
    CHECK(stage(s.ledgers[cpu], Stage::lock) == spun);
  }
  CHECK(s.rig.spent_in_all() == 4 * s.rig.now());
}

TEST_CASE("interrupts wait while a lock is held, so a handler can take it too") {
  Scene s(1);
  s.rig.thread(0, s, contend);
  IrqAction& takes = s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
    const Spinlock::Guard guard = co_await scene.lock.lock(ctx);
    scene.log.add("irq", ctx.now());
  });
  s.rig.irq_at(50ns, 0, takes);
  s.rig.run();
  CHECK(s.log.text == "cpu0@12 irq@114");
  CHECK(s.rig.spent(0, CpuClass::spin) == 0ns);
}

TEST_CASE("sleeping while a spinlock is held is an internal error") {
  Scene s(1);
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    const Spinlock::Guard guard = co_await scene.lock.lock(ctx);
    co_await scene.queue.wait(ctx, "test", Stage::queue);
  });
  CHECK_THROWS_AS(s.rig.timeline.run(), InternalError);
}

TEST_CASE("after unlock() a thread may sleep though its guard lives") {
  Scene s(1);
  Thread& thread = s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    Spinlock::Guard guard = co_await scene.lock.lock(ctx);
    guard.unlock();
    co_await scene.queue.wait(ctx, "test", Stage::queue);
  });
  s.rig.run();
  CHECK(thread.state == Thread::State::sleeping);
}

TEST_CASE("a holder is not preempted before it lets go") {
  Scene s(1);
  s.rig.tick_every(20ns);
  s.rig.system.scheduler.preemption = Preemption::full;
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    {
      const Spinlock::Guard guard = co_await scene.lock.lock(ctx);
      for (int i = 0; i < 5; ++i) co_await ctx.spend(scene.inside);
    }
    scene.log.add("out", ctx.now());
    co_await ctx.spend(scene.inside);
    scene.log.add("end", ctx.now());
  });
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    co_await ctx.spend(scene.inside);
    scene.log.add("other", ctx.now());
  });
  s.rig.run();
  CHECK(s.log.text == "out@502 other@602 end@702");
}

TEST_CASE("a run that ends while somebody spins is cleared away, whoever dies first") {
  for (const bool lock_dies_first : {false, true}) {
    auto s = std::make_unique<Scene>(3);
    auto lock = std::make_unique<Spinlock>();
    struct Both {
      Scene& scene;
      Spinlock& lock;
    } both{*s, *lock};
    // The holder throws out of the run with two spinners behind it.
    for (std::uint32_t cpu = 0; cpu < 3; ++cpu)
      s->rig.thread<Both>(cpu, both, [](Sleepable& ctx, Both& state) -> Task<void> {
        co_await ctx.spend(state.scene.before, ctx.cpu().index() + 1);
        const Spinlock::Guard guard = co_await state.lock.lock(ctx);
        co_await ctx.spend(state.scene.inside);
        check(false, "the holder fails");
      });
    CHECK_THROWS_AS(s->rig.timeline.run(), InternalError);
    CHECK(s->rig.spent(1, CpuClass::spin) > 0ns);
    CHECK(s->rig.spent(2, CpuClass::spin) > 0ns);
    if (lock_dies_first) lock = nullptr;
    s->rig.end();
  }
}

TEST_CASE("a plain spinlock lets interrupts come, and one that spins for the same CPU's is found") {
  Scene s(1);
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    const Spinlock::Guard guard = co_await scene.lock.lock_plain(ctx);
    co_await ctx.spend(scene.inside);
    scene.log.add("end", ctx.now());
  });
  IrqAction& notes = s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
    scene.log.add("irq", ctx.now());
    co_await ctx.spend(scene.before);
  });
  s.rig.irq_at(50ns, 0, notes);
  s.rig.run();
  CHECK(s.log.text == "irq@50 end@112");
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    const Spinlock::Guard guard = co_await scene.lock.lock_plain(ctx);
    co_await ctx.spend(scene.inside);
  });
  IrqAction& takes = s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
    const Spinlock::Guard guard = co_await scene.lock.lock(ctx);
  });
  s.rig.irq_at(150ns, 0, takes);
  CHECK_THROWS_AS(s.rig.timeline.run(), InternalError);
}

TEST_CASE("spin_lock_bh holds softirqs back until it is let go, and not hardirqs") {
  Scene s(1);
  s.rig.cpu(0).on_softirq(Softirq::tasklet,
                          s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
                            const auto guard = co_await scene.lock.lock_plain(ctx);
                            scene.log.add("softirq", ctx.now());
                          }));
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    const Spinlock::Guard guard = co_await scene.lock.lock_bh(ctx);
    co_await ctx.spend(scene.inside);
    scene.log.add("end", ctx.now());
  });
  IrqAction& raises = s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
    scene.log.add("irq", ctx.now());
    ctx.cpu().raise_softirq(Softirq::tasklet);
    co_await ctx.spend(scene.before);
  });
  s.rig.irq_at(50ns, 0, raises);
  s.rig.run();
  CHECK(s.log.text == "irq@50 end@112 softirq@114");
}

TEST_CASE("who spins for a plain lock goes on only when the interrupt that froze it has ended") {
  Scene s(2);
  s.rig.system.costs.spin_lock.each = 0ns;
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    const Spinlock::Guard guard = co_await scene.lock.lock_plain(ctx);
    co_await ctx.spend(scene.inside);  // until 100
  });
  s.rig.thread<Scene>(1, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    co_await ctx.spend(scene.before);
    const Spinlock::Guard guard = co_await scene.lock.lock_plain(ctx);
    scene.log.add("taken", ctx.now());
  });
  IrqAction& long_one = s.rig.action<Scene>(
      s, [](Atomic& ctx, Scene& scene) -> Task<void> { co_await ctx.spend(scene.inside); });
  s.rig.irq_at(90ns, 1, long_one);  // until 190
  s.rig.run();
  CHECK(s.log.text == "taken@190");
  CHECK(s.rig.spent(1, CpuClass::spin) == 80ns);
  CHECK(s.rig.spent(1, CpuClass::hardirq) == 100ns);
  CHECK(s.rig.spent_in_all() == 2 * s.rig.now());
}

TEST_CASE("a try for a taken lock yields a guard of nothing and masks nothing") {
  Scene s(2);
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    const Spinlock::Guard guard = co_await scene.lock.lock(ctx);
    co_await ctx.spend(scene.inside);
  });
  s.rig.thread<Scene>(1, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    co_await ctx.spend(scene.before);
    const Spinlock::Guard none = co_await scene.lock.try_lock(ctx);
    CHECK_FALSE(none.held());
    CHECK(ctx.cpu().irqs_enabled());
    CHECK(ctx.thread().preempt_count == 0);
    co_await ctx.spend(scene.inside);
    const Spinlock::Guard taken = co_await scene.lock.try_lock(ctx);
    CHECK(taken.held());
    CHECK_FALSE(ctx.cpu().irqs_enabled());
  });
  s.rig.run();
}
