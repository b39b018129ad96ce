// SPDX-License-Identifier: Apache-2.0
// Who has the CPU when: classes of time, interrupt levels, run queues.
#include "model/kernel/cpu/cpu.h"

#include <set>

#include "tests/model/engine/every_schedule.h"
#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;
using events::CpuClass;
using events::Stage;

namespace {

// One thread and one interrupt, with a cost for each.
struct Scene {
  explicit Scene(std::uint32_t cpus = 1) : rig(cpus) {
    rig.system.costs.context_switch.each = 10ns;
    rig.system.costs.irq_entry.each = 5ns;
    rig.system.costs.irq_exit.each = 7ns;
    rig.system.costs.softirq.each = 3ns;
  }
  Cost work{100ns};
  Cost handler{20ns};
  Log log;
  events::StageLedger ledger;
  Rig rig;
};

Task<void> work_on_ledger(Sleepable& ctx, Scene& s) {
  s.ledger.open(ctx.now(), Stage::kernel);
  {
    const WorkOn on(ctx, &s.ledger, Stage::kernel);
    co_await ctx.spend(s.work);
  }
  s.ledger.close(ctx.now());
  s.log.add("end", ctx.now());
}

Task<void> handle(Atomic& ctx, Scene& s) {
  s.log.add("handler", ctx.now());
  co_await ctx.spend(s.handler);
}

}  // namespace

TEST_CASE("time belongs to the class of the thread, to the switch, or to nobody") {
  Scene s(2);
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    co_await ctx.spend(scene.work);
    ctx.turn_to(CpuClass::syscall);
    co_await ctx.spend(scene.work, 3);
    ctx.turn_to(CpuClass::user);
    co_await ctx.spend(scene.work);
  });
  s.rig.run(1us);
  CHECK(s.rig.spent(0, CpuClass::switching) == 10ns);
  CHECK(s.rig.spent(0, CpuClass::user) == 200ns);
  CHECK(s.rig.spent(0, CpuClass::syscall) == 300ns);
  CHECK(s.rig.spent(0, CpuClass::idle) == 490ns);
  CHECK(s.rig.spent(1, CpuClass::idle) == 1us);
  CHECK(s.rig.spent_in_all() == 2us);
  CHECK(s.work.count == 5);
  CHECK(s.work.total == 500ns);
}

TEST_CASE("an interrupt steals exactly its own time from what it interrupts") {
  Scene s;
  s.rig.thread(0, s, work_on_ledger);
  s.rig.irq_at(40ns, 0, s.rig.action(s, handle));
  s.rig.run();
  CHECK(s.log.text == "handler@45 end@142");
  CHECK(stage(s.ledger, Stage::kernel) == 100ns);
  CHECK(stage(s.ledger, Stage::stolen) == 32ns);
  CHECK(s.rig.spent(0, CpuClass::hardirq) == 32ns);
  CHECK(s.rig.spent(0, CpuClass::user) == 100ns);
  CHECK(s.rig.spent_in_all() == s.rig.now());
}

TEST_CASE("an interrupt on another CPU steals nothing") {
  Scene s(2);
  s.rig.thread(0, s, work_on_ledger);
  s.rig.irq_at(40ns, 1, s.rig.action(s, handle));
  s.rig.run();
  CHECK(s.log.text == "handler@45 end@110");
  CHECK(stage(s.ledger, Stage::stolen) == 0ns);
  CHECK(s.rig.spent_in_all() == 2 * s.rig.now());
}

TEST_CASE("hardirqs do not nest: messages of a vector that is served are one more interrupt") {
  Scene s;
  IrqAction& action = s.rig.action(s, handle);
  s.rig.irq_at(40ns, 0, action);
  s.rig.irq_at(50ns, 0, action);
  s.rig.irq_at(51ns, 0, action);
  s.rig.run();
  CHECK(s.log.text == "handler@45 handler@77");
  CHECK(s.rig.spent(0, CpuClass::hardirq) == 64ns);
  CHECK(s.rig.probe.counters().interrupts == 2);
}

TEST_CASE("a softirq follows the hardirq that raised it and is interrupted by the next one") {
  Scene s;
  s.rig.cpu(0).on_softirq(Softirq::block,
                          s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
                            scene.log.add("softirq", ctx.now());
                            co_await ctx.spend(scene.work);
                            scene.log.add("done", ctx.now());
                          }));
  IrqAction& raises = s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
    ctx.cpu().raise_softirq(Softirq::block);
    ctx.cpu().raise_softirq(Softirq::block);  // pending already
    co_await ctx.spend(scene.handler);
  });
  s.rig.thread(0, s, work_on_ledger);
  s.rig.irq_at(40ns, 0, raises);                    // until 72, then the softirq
  s.rig.irq_at(100ns, 0, s.rig.action(s, handle));  // until 132, in the middle of it
  s.rig.run();
  CHECK(s.log.text == "softirq@75 handler@105 done@207 end@277");
  CHECK(s.rig.spent(0, CpuClass::softirq) == 103ns);
  CHECK(s.rig.spent(0, CpuClass::hardirq) == 64ns);
  CHECK(stage(s.ledger, Stage::kernel) == 100ns);
  CHECK(stage(s.ledger, Stage::stolen) == 167ns);
  CHECK(s.rig.spent_in_all() == s.rig.now());
}

TEST_CASE("softirqs run in the order of their vectors") {
  Scene s;
  for (const Softirq vector : {Softirq::net_rx, Softirq::block, Softirq::tasklet})
    s.rig.cpu(0).on_softirq(vector,
                            s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
                              scene.log.add("softirq", ctx.now());
                              co_await ctx.spend(scene.handler);
                            }));
  std::vector<std::uint64_t> entered;
  struct Entries final : events::Observer {
    void on(const events::EventInfo& info, SimTime, std::uint32_t,
            std::span<const std::uint64_t> words) override {
      if (std::string(info.name) == "softirq_entry") vectors.push_back(words[1]);
    }
    std::vector<std::uint64_t> vectors;
  } entries;
  static constexpr events::Subsystem kIrq[] = {events::Subsystem::irq};
  s.rig.probe.attach(entries, kIrq);
  s.rig.irq_at(0ns, 0, s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
    ctx.cpu().raise_softirq(Softirq::tasklet);
    ctx.cpu().raise_softirq(Softirq::net_rx);
    co_await ctx.spend(scene.handler);
    ctx.cpu().raise_softirq(Softirq::block);
  }));
  s.rig.run();
  CHECK(entries.vectors == std::vector<std::uint64_t>{3, 4, 6});
  CHECK(s.log.text == "softirq@35 softirq@58 softirq@81");
}

TEST_CASE("with interrupts disabled an interrupt is pending until they are enabled") {
  Scene s;
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    ctx.cpu().disable_irqs();
    ctx.cpu().disable_irqs();
    co_await ctx.spend(scene.work);
    ctx.cpu().enable_irqs();
    co_await ctx.spend(scene.work);  // still disabled once
    ctx.cpu().enable_irqs();
    co_await ctx.spend(scene.work);
    scene.log.add("end", ctx.now());
  });
  s.rig.irq_at(20ns, 0, s.rig.action(s, handle));
  s.rig.run();
  CHECK(s.log.text == "handler@215 end@342");
  CHECK_THROWS_AS(s.rig.cpu(0).enable_irqs(), InternalError);
}

TEST_CASE("threads of one CPU run in the order they became runnable") {
  Scene s;
  for (int i = 0; i < 3; ++i)
    s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
      co_await ctx.spend(scene.work);
      scene.log.add("thread" + std::to_string(ctx.thread().id), ctx.now());
    });
  s.rig.run();
  CHECK(s.log.text == "thread1@110 thread2@220 thread3@330");
  CHECK(s.rig.spent(0, CpuClass::switching) == 30ns);
  CHECK(s.rig.probe.counters().context_switches == 3);
}

TEST_CASE("a request waits in the run queue while another thread has the CPU") {
  Scene s;
  s.rig.tick_every(50ns);
  s.rig.system.costs.irq_entry.each = s.rig.system.costs.irq_exit.each = 0ns;
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    scene.ledger.open(ctx.now(), Stage::kernel);
    const WorkOn on(ctx, &scene.ledger, Stage::kernel);
    co_await ctx.spend(scene.work);
    scene.ledger.close(ctx.now());
  });
  s.rig.thread<Scene>(
      0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> { co_await ctx.spend(scene.work, 3); });
  s.rig.run();
  // It runs from 10 to 50, from 110 to 150 and from 210 to 230; the other in between.
  CHECK(stage(s.ledger, Stage::kernel) == 100ns);
  CHECK(stage(s.ledger, Stage::run_queue) == 100ns);
  CHECK(stage(s.ledger, Stage::wakeup) == 20ns);  // its own two switches
}

TEST_CASE("any mixture of threads and interrupts leaves no time without an owner") {
  for (std::uint32_t seed = 1; seed <= 50; ++seed) {
    Scene s(3);
    s.rig.tick_every(70ns);
    if (seed % 2 == 0) s.rig.system.scheduler.preemption = Preemption::full;
    s.rig.system.scheduler.wakeup_granularity = std::chrono::nanoseconds(seed);
    for (std::uint32_t i = 0; i < 7; ++i)
      s.rig.thread<Scene>(i % 3, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
        for (int k = 0; k < 20; ++k) co_await ctx.spend(scene.work);
      });
    for (std::uint32_t cpu = 0; cpu < 3; ++cpu)
      s.rig.cpu(cpu).on_softirq(Softirq::net_rx, s.rig.action(s, handle));
    IrqAction& raises = s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
      co_await ctx.spend(scene.handler);
      ctx.cpu().raise_softirq(Softirq::net_rx);
    });
    std::uint32_t state = seed;
    for (int i = 0; i < 60; ++i) {
      state = state * 1664525u + 1013904223u;
      s.rig.irq_at(std::chrono::nanoseconds(state % 6000), state >> 16 & 1, raises);
    }
    s.rig.run();
    CHECK(s.rig.spent_in_all() == 3 * s.rig.now());
    Duration user{0};
    for (int i = 0; i < 3; ++i) user += s.rig.spent(static_cast<std::size_t>(i), CpuClass::user);
    CHECK(user == 7 * 20 * 100ns);
  }
}

namespace {

// Goes through both places at which an interrupt may strike; decides by default otherwise.
struct Strikes final : ChoiceOracle {
  std::uint32_t choose(Choice kind, std::uint32_t options, const char* site) override {
    return kind == Choice::interrupt ? schedules.choose(kind, options, site) : 0;
  }
  EverySchedule schedules;
};

}  // namespace

TEST_CASE("an oracle may let an interrupt strike behind the code that follows the burst") {
  std::set<std::string> seen;
  Strikes oracle;
  do {
    Scene s;
    s.rig.timeline.choices().ask(&oracle);
    s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
      co_await ctx.spend(scene.work);
      scene.log.add("code", ctx.now());
      co_await ctx.spend(scene.work);
      scene.log.add("end", ctx.now());
    });
    IrqAction& acts = s.rig.action(s, handle);
    s.rig.irq_at(40ns, 0, acts);
    s.rig.run();
    CHECK(s.rig.spent(0, CpuClass::user) == 200ns);
    CHECK(s.rig.spent(0, CpuClass::hardirq) == 32ns);
    CHECK(s.rig.spent_in_all() == s.rig.now());
    seen.insert(s.log.text);
  } while (oracle.schedules.next());
  CHECK(seen ==
        std::set<std::string>{"handler@45 code@142 end@242", "code@110 handler@115 end@242"});
}

TEST_CASE("an interrupt that strikes late is not lost, whatever the code behind the burst does") {
  // It sleeps, ends, takes a lock, or is interrupted by another vector at once.
  enum class Then { sleep, end, lock, other };
  for (const Then then : {Then::sleep, Then::end, Then::lock, Then::other}) {
    CAPTURE(static_cast<int>(then));
    struct Late : Scene {
      Then then{};
      int handled = 0;
      WaitQueue queue{"test"};
      Spinlock lock;
    };
    Strikes oracle;
    int schedules = 0;
    do {
      Late s;
      s.then = then;
      s.rig.timeline.choices().ask(&oracle);
      s.rig.thread<Late>(0, s, [](Sleepable& ctx, Late& scene) -> Task<void> {
        co_await ctx.spend(scene.work);
        if (scene.then == Then::sleep) co_await scene.queue.wait(ctx, "handler", Stage::queue);
        if (scene.then == Then::lock) {
          const Spinlock::Guard guard = co_await scene.lock.lock(ctx);
          co_await ctx.spend(scene.work);
        }
      });
      const auto count = [](Atomic& ctx, Late& scene) -> Task<void> {
        ++scene.handled;
        co_await ctx.spend(scene.handler);
        co_await scene.queue.wake_all(ctx);
      };
      s.rig.irq_at(40ns, 0, s.rig.action<Late>(s, count));
      if (then == Then::other) s.rig.irq_at(50ns, 0, s.rig.action<Late>(s, count));
      s.rig.run();
      CHECK(s.handled == (then == Then::other ? 2 : 1));
      CHECK(s.rig.spent_in_all() == s.rig.now());
      ++schedules;
      s.rig.end();
    } while (oracle.schedules.next());
    CHECK(schedules >= 2);
  }
}

TEST_CASE("without an oracle an interrupt strikes at once") {
  Scene s;
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    co_await ctx.spend(scene.work);
    scene.log.add("code", ctx.now());
  });
  s.rig.irq_at(40ns, 0, s.rig.action(s, handle));
  s.rig.run();
  CHECK(s.log.text == "handler@45 code@142");
}
