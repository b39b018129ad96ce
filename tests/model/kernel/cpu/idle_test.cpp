// SPDX-License-Identifier: Apache-2.0
// What an idle CPU costs whoever needs it: exit latencies, the idle loop, reschedule interrupts.
#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;
using events::CpuClass;

namespace {

struct Scene {
  explicit Scene(std::uint32_t cpus) : rig(cpus) {
    rig.system.costs.context_switch.each = 10ns;
    rig.system.costs.irq_entry.each = 5ns;
    rig.system.costs.irq_exit.each = 7ns;
  }
  IrqAction& note() {
    return rig.action<Scene>(*this, [](Atomic& ctx, Scene& scene) -> Task<void> {
      scene.log.add("handler", ctx.now());
      co_return;
    });
  }
  Cost work{100ns};
  int gap = 0;
  Log log;
  WaitQueue queue{"queue"};
  WaitQueue other{"other"};
  Rig rig;
};

Task<void> sleep_once(Sleepable& ctx, Scene& s) {
  co_await s.queue.wait(ctx, "test", events::Stage::queue);
  s.log.add("cpu" + std::to_string(ctx.cpu().index()), ctx.now());
}

Task<void> wake_all(Sleepable& ctx, Scene& s) {
  co_await ctx.spend(s.work, 10);
  while (!s.queue.empty()) co_await s.queue.wake_one(ctx);
  s.log.add("woke", ctx.now());
}

Task<void> busy(Sleepable& ctx, Scene& s) {
  co_await ctx.spend(s.work, 100);
  s.log.add("end", ctx.now());
}

}  // namespace

TEST_CASE("an interrupt finds an idle CPU asleep, deeper once it has been idle for long") {
  Scene s(1);
  s.rig.system.scheduler.idle_exit_latency = 50ns;
  s.rig.system.scheduler.deep_idle_after = 1us;
  s.rig.system.scheduler.deep_idle_exit_latency = 400ns;
  IrqAction& action = s.note();
  s.rig.irq_at(999ns, 0, action);   // shallow: 50, entry 5; ends at 1061
  s.rig.irq_at(2061ns, 0, action);  // idle for exactly 1 us: 400, entry 5
  s.rig.run();
  CHECK(s.log.text == "handler@1054 handler@2466");
}

TEST_CASE("what comes while a CPU leaves its idle state waits for the same moment") {
  Scene s(1);
  s.rig.system.scheduler.idle_exit_latency = 50ns;
  s.rig.irq_at(100ns, 0, s.note());
  s.rig.irq_at(130ns, 0, s.note());
  s.rig.run();
  CHECK(s.log.text == "handler@155 handler@167");
  CHECK(s.rig.spent(0, CpuClass::idle) == 150ns);
}

TEST_CASE("a CPU that works is interrupted at once") {
  Scene s(1);
  s.rig.system.scheduler.idle_exit_latency = 50ns;
  s.rig.thread(0, s, busy);
  s.rig.irq_at(1us, 0, s.note());
  s.rig.run();
  CHECK(s.log.text == "handler@1005 end@10072");
}

TEST_CASE("leaving the idle loop is paid by the CPU, not between two threads") {
  Scene s(1);
  s.rig.system.costs.idle_exit.each = 30ns;
  s.rig.thread(0, s, busy);
  s.rig.thread(0, s, busy);
  s.rig.run();
  CHECK(s.log.text == "end@10040 end@20050");
  CHECK(s.rig.system.costs.idle_exit.count == 1);
  CHECK(s.rig.spent(0, CpuClass::switching) == 50ns);
}

TEST_CASE("a waker sends an interrupt to an idle CPU, and pays for it") {
  Scene s(2);
  s.rig.system.scheduler.idle_exit_latency = 50ns;
  s.rig.system.scheduler.ipi_latency = 200ns;
  s.rig.system.costs.ipi_send.each = 20ns;
  s.rig.thread(1, s, sleep_once);
  s.rig.thread(0, s, wake_all);
  s.rig.run();
  // At 1060; the message arrives at 1260, the CPU at 1310; entry 5, exit 7, switch 10.
  CHECK(s.log.text == "woke@1080 cpu1@1332");
  CHECK(s.rig.probe.counters().interrupts == 1);
  CHECK(s.rig.spent(1, CpuClass::hardirq) == 12ns);
}

TEST_CASE("one interrupt is enough for all who are woken before it arrives") {
  Scene s(2);
  s.rig.system.scheduler.idle_exit_latency = 50ns;
  s.rig.system.scheduler.ipi_latency = 200ns;
  s.rig.system.costs.ipi_send.each = 20ns;
  s.rig.thread(1, s, sleep_once).pinned = true;
  s.rig.thread(1, s, sleep_once).pinned = true;
  s.rig.thread(0, s, wake_all);
  s.rig.run();
  CHECK(s.log.text == "woke@1080 cpu1@1332 cpu1@1342");
  CHECK(s.rig.system.costs.ipi_send.count == 1);
}

TEST_CASE("until a CPU that leaves its idle state has looked, nobody sends it another interrupt") {
  for (const int pause : {1, 6}) {  // in which it is on its way, or at work
    Scene s(2);
    s.gap = pause;
    s.rig.system.scheduler.idle_exit_latency = 500ns;
    for (int i = 0; i < 2; ++i) s.rig.thread(1, s, sleep_once).pinned = true;
    s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
      co_await ctx.spend(scene.work, 20);
      co_await scene.queue.wake_one(ctx);
      co_await ctx.spend(scene.work, static_cast<std::uint64_t>(scene.gap));
      co_await scene.queue.wake_one(ctx);
    });
    s.rig.run();
    CHECK(s.rig.system.costs.ipi_send.count == (pause == 1 ? 1 : 2));
  }
}

TEST_CASE("who is woken by an interrupt meanwhile does not pass by who waits for his") {
  Scene s(2);
  s.rig.system.scheduler.idle_exit_latency = 50ns;
  s.rig.system.scheduler.ipi_latency = 200ns;
  Thread& urgent = s.rig.thread(1, s, sleep_once);
  urgent.pinned = true;
  urgent.set_fifo(1);
  s.rig
      .thread<Scene>(1, s,
                     [](Sleepable& ctx, Scene& scene) -> Task<void> {
                       co_await scene.other.wait(ctx, "test", events::Stage::queue);
                       scene.log.add("other", ctx.now());
                     })
      .pinned = true;
  s.rig.thread(0, s, wake_all);  // at 1060
  s.rig.irq_at(1100ns, 1, s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
    co_await scene.other.wake_one(ctx);
  }));
  s.rig.run();
  // The handler runs from 1155 on; the message for the other one finds the CPU at work.
  CHECK(s.log.text == "woke@1060 cpu1@1172 other@1182");
}

TEST_CASE("a CPU that polls while idle needs no interrupt") {
  Scene s(2);
  s.rig.system.scheduler.ipi_latency = 200ns;
  s.rig.system.costs.ipi_send.each = 20ns;
  s.rig.thread(1, s, sleep_once);
  s.rig.thread(0, s, wake_all);
  s.rig.run();
  CHECK(s.log.text == "woke@1010 cpu1@1020");
  CHECK(s.rig.probe.counters().interrupts == 0);
}

TEST_CASE("a thread takes another CPU from a thread when the interrupt arrives there") {
  Scene s(2);
  s.rig.system.scheduler.ipi_latency = 200ns;
  s.rig.system.costs.ipi_send.each = 20ns;
  Thread& urgent = s.rig.thread(1, s, sleep_once);
  urgent.pinned = true;
  urgent.set_fifo(1);
  s.rig.thread(1, s, busy).pinned = true;
  s.rig.thread(0, s, wake_all);
  s.rig.run();
  // Woken at 1010; the interrupt takes the CPU at 1210 and gives it back at 1222, switch 10; the
  // other thread loses 12 + 10, the run, and the switch back.
  CHECK(s.log.text == "woke@1030 cpu1@1232 end@10052");
}

TEST_CASE("an interrupt that wakes a thread of its own idle CPU needs no other") {
  Scene s(1);
  s.rig.system.scheduler.idle_exit_latency = 50ns;
  s.rig.system.scheduler.ipi_latency = 200ns;
  s.rig.thread(0, s, sleep_once);
  s.rig.irq_at(1us, 0, s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
    co_await scene.queue.wake_one(ctx);
  }));
  s.rig.run();
  CHECK(s.log.text == "cpu0@1072");
  CHECK(s.rig.probe.counters().interrupts == 1);
}
