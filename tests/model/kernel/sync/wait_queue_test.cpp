// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/sync/wait_queue.h"

#include <set>

#include "model/kernel/sync/io_wait.h"
#include "tests/model/engine/every_schedule.h"
#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;
using events::Stage;

namespace {

struct Scene {
  explicit Scene(std::uint32_t cpus) : rig(cpus) { rig.system.costs.try_to_wake_up.each = 4ns; }
  Cost work{100ns};
  Log log;
  WaitQueue queue{"queue"};
  IoWait* armed = nullptr;
  Rig rig;
};

Task<void> sleep_once(Sleepable& ctx, Scene& s) {
  co_await s.queue.wait(ctx, "test", Stage::queue);
  s.log.add("thread" + std::to_string(ctx.thread().id), ctx.now());
}

Task<void> sleep_for_ever(Sleepable& ctx, Scene& s) {
  for (;;) {
    co_await s.queue.wait(ctx, "test", Stage::queue);
    s.log.add("thread" + std::to_string(ctx.thread().id), ctx.now());
  }
}

}  // namespace

TEST_CASE("sleepers are woken in the order they fell asleep, one at a time") {
  Scene s(1);
  for (int i = 0; i < 3; ++i) s.rig.thread(0, s, sleep_once);
  IrqAction& wakes = s.rig.action<Scene>(
      s, [](Atomic& ctx, Scene& scene) -> Task<void> { co_await scene.queue.wake_one(ctx); });
  for (const Duration time : {100ns, 200ns, 300ns, 400ns}) s.rig.irq_at(time, 0, wakes);
  s.rig.run();
  CHECK(s.log.text == "thread1@104 thread2@204 thread3@304");
  CHECK(s.rig.system.costs.try_to_wake_up.count == 3);  // nobody left: nothing to pay
  CHECK(s.rig.probe.counters().wakeups == 3);
}

TEST_CASE("waking all wakes who sleeps now, not who falls asleep again meanwhile") {
  Scene s(2);
  s.rig.thread(0, s, sleep_for_ever);
  s.rig.thread(0, s, sleep_for_ever);
  IrqAction& wakes = s.rig.action<Scene>(
      s, [](Atomic& ctx, Scene& scene) -> Task<void> { co_await scene.queue.wake_all(ctx); });
  s.rig.irq_at(100ns, 1, wakes);
  s.rig.run();
  CHECK(s.log.text == "thread1@104 thread2@108");
}

TEST_CASE("a wake-up from outside costs no CPU") {
  Scene s(1);
  s.rig.thread(0, s, sleep_once);
  s.rig.at(100ns, [&] { s.queue.wake_from_outside(s.rig.system); });
  s.rig.run();
  CHECK(s.log.text == "thread1@100");
  CHECK(s.rig.spent(0, events::CpuClass::idle) == s.rig.now());
}

TEST_CASE("of two wakers that pay at the same time, each wakes another sleeper") {
  Scene s(4);
  s.rig.thread(2, s, sleep_once);
  s.rig.thread(3, s, sleep_once);
  IrqAction& wakes = s.rig.action<Scene>(
      s, [](Atomic& ctx, Scene& scene) -> Task<void> { co_await scene.queue.wake_one(ctx); });
  s.rig.irq_at(100ns, 0, wakes);
  s.rig.irq_at(100ns, 1, wakes);
  s.rig.run();
  CHECK(s.log.text == "thread1@104 thread2@104");
}

TEST_CASE("a wait for several things ends with the last of them") {
  Scene s(1);
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    BlockingWait wait(ctx);
    scene.armed = &wait;
    for (int i = 0; i < 3; ++i) wait.expect();
    co_await wait.wait("three things");
    scene.log.add("all", ctx.now());
  });
  IrqAction& arrives = s.rig.action<Scene>(
      s, [](Atomic& ctx, Scene& scene) -> Task<void> { co_await scene.armed->arrived(ctx); });
  for (const Duration time : {100ns, 200ns, 300ns}) s.rig.irq_at(time, 0, arrives);
  s.rig.run();
  CHECK(s.log.text == "all@304");
}

TEST_CASE("an oracle may wake sleepers in any order, and waking all still wakes each once") {
  for (const bool all : {false, true}) {
    std::set<std::string> orders;
    EverySchedule schedules;
    do {
      Scene s(1);
      // Asked for the wake-ups alone.
      struct Wakes final : ChoiceOracle {
        explicit Wakes(EverySchedule& by) : schedule(by) {}
        std::uint32_t choose(Choice kind, std::uint32_t options, const char* site) override {
          return kind == Choice::wake ? schedule.choose(kind, options, site) : 0;
        }
        EverySchedule& schedule;
      } oracle{schedules};
      for (int i = 0; i < 3; ++i) s.rig.thread(0, s, sleep_for_ever);
      IrqAction& wakes = s.rig.action<Scene>(
          s, [](Atomic& ctx, Scene& scene) -> Task<void> { co_await scene.queue.wake_one(ctx); });
      IrqAction& wakes_all = s.rig.action<Scene>(
          s, [](Atomic& ctx, Scene& scene) -> Task<void> { co_await scene.queue.wake_all(ctx); });
      s.rig.timeline.choices().ask(&oracle);
      if (all)
        s.rig.irq_at(100ns, 0, wakes_all);
      else
        s.rig.irq_at(100ns, 0, wakes);
      s.rig.run();
      orders.insert(s.log.text);
      s.rig.end();
    } while (schedules.next());
    if (!all) {
      CHECK(orders == std::set<std::string>{"thread1@104", "thread2@104", "thread3@104"});
      continue;
    }
    CHECK(orders.size() == 6);
    for (const std::string& order : orders)
      for (const char* thread : {"thread1@112", "thread2@112", "thread3@112"})
        CHECK(order.find(thread) != std::string::npos);
  }
}
