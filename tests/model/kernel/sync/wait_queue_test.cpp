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

namespace {

Task<void> sleep_shared(Sleepable& ctx, Scene& s) {
  const WaitOptions options{false, false, kNever};
  co_await s.queue.wait_for(ctx, "test", Stage::queue, options);
  s.log.add("shared" + std::to_string(ctx.thread().id), ctx.now());
}

struct Callback : WaitEntry {
  Callback(Scene& owner, const char* called, Woken answer)
      : WaitEntry(&Callback::wake), scene(owner), name(called), made(answer) {}
  static Task<Woken> wake(Atomic& ctx, WaitEntry& self, WakeKey key) {
    auto& callback = static_cast<Callback&>(self);
    callback.scene.log.add(callback.name + std::to_string(key), ctx.now());
    if (callback.once) callback.scene.queue.remove(self);
    return Task<Woken>::ready(callback.made);
  }
  Scene& scene;
  std::string name;
  Woken made;
  bool once = false;
};

}  // namespace

TEST_CASE("among exclusive sleepers one that asks to be first is, the youngest of such foremost") {
  Scene s(1);
  const auto sleep_first = [](Sleepable& ctx, Scene& scene) -> Task<void> {
    WaitOptions options;
    options.last_in_first_out = true;
    co_await scene.queue.wait_for(ctx, "test", Stage::queue, options);
    scene.log.add("first" + std::to_string(ctx.thread().id), ctx.now());
  };
  s.rig.thread(0, s, sleep_once);
  s.rig.thread<Scene>(0, s, sleep_first);
  s.rig.thread<Scene>(0, s, sleep_first);
  IrqAction& wakes = s.rig.action<Scene>(
      s, [](Atomic& ctx, Scene& scene) -> Task<void> { co_await scene.queue.wake_one(ctx); });
  for (const Duration time : {100ns, 200ns, 300ns}) s.rig.irq_at(time, 0, wakes);
  s.rig.run();
  CHECK(s.log.text == "first3@104 first2@204 thread1@304");
}

TEST_CASE("a wake-up wakes all that are not exclusive, the youngest first, then one that is") {
  Scene s(1);
  s.rig.thread(0, s, sleep_once);  // exclusive
  s.rig.thread(0, s, sleep_shared);
  s.rig.thread(0, s, sleep_once);  // exclusive
  s.rig.thread(0, s, sleep_shared);
  IrqAction& wakes = s.rig.action<Scene>(
      s, [](Atomic& ctx, Scene& scene) -> Task<void> { co_await scene.queue.wake_one(ctx); });
  s.rig.irq_at(100ns, 0, wakes);
  s.rig.irq_at(200ns, 0, wakes);
  s.rig.run();
  CHECK(s.log.text == "shared4@112 shared2@112 thread1@112 thread3@204");
  CHECK(s.queue.empty());
}

TEST_CASE("functions are called with the key, count if they wake somebody, and stay") {
  Scene s(1);
  Callback ignores(s, "ignores", Woken::no);
  Callback takes(s, "takes", Woken::yes);
  ignores.exclusive = takes.exclusive = true;
  s.queue.add(ignores);
  s.queue.add(takes);
  s.rig.thread(0, s, sleep_once);
  IrqAction& wakes = s.rig.action<Scene>(
      s, [](Atomic& ctx, Scene& scene) -> Task<void> { co_await scene.queue.wake_up(ctx, 1, 7); });
  s.rig.irq_at(100ns, 0, wakes);
  s.rig.run();
  CHECK(s.log.text == "ignores7@100 takes7@100");  // the sleeper is behind the one that took it
  takes.once = true;
  IrqAction& all = s.rig.action<Scene>(
      s, [](Atomic& ctx, Scene& scene) -> Task<void> { co_await scene.queue.wake_all(ctx); });
  s.log.text.clear();
  s.rig.irq_at(200ns, 0, all);
  s.rig.run();
  CHECK(s.log.text == "ignores0@200 takes0@200 thread1@204");
  s.queue.remove(ignores);
  CHECK(s.queue.empty());
}

TEST_CASE("a function that says stop keeps those behind it asleep, even from waking all") {
  Scene s(1);
  Callback stops(s, "stops", Woken::stop);
  s.queue.add(stops);
  s.rig.thread(0, s, sleep_once);
  IrqAction& all = s.rig.action<Scene>(
      s, [](Atomic& ctx, Scene& scene) -> Task<void> { co_await scene.queue.wake_all(ctx); });
  s.rig.irq_at(100ns, 0, all);
  s.rig.run();
  CHECK(s.log.text == "stops0@100");
  s.queue.remove(stops);
  CHECK_FALSE(s.queue.empty());
  s.rig.end();
}

TEST_CASE("a wait ends at its deadline or with a signal, unless it was woken first") {
  Scene s(2);
  struct Ends {
    Scene& scene;
    std::vector<WaitOutcome> outcomes;
  } ends{s, {}};
  Thread& sleeper = s.rig.thread<Ends>(0, ends, [](Sleepable& ctx, Ends& e) -> Task<void> {
    for (int i = 0; i < 4; ++i) {
      const WaitOptions options{true, true, ctx.now() + 100ns, SleepClock::high_resolution};
      const WaitOutcome outcome =
          co_await e.scene.queue.wait_for(ctx, "test", Stage::queue, options);
      e.outcomes.push_back(outcome);
      e.scene.log.add(std::to_string(i), ctx.now());
    }
  });
  IrqAction& wakes = s.rig.action<Scene>(
      s, [](Atomic& ctx, Scene& scene) -> Task<void> { co_await scene.queue.wake_one(ctx); });
  s.rig.irq_at(150ns, 1, wakes);
  s.rig.at(200ns, [&] { signal_wake_up(s.rig.system, sleeper, nullptr); });
  s.rig.run();
  using enum WaitOutcome;
  CHECK(ends.outcomes == std::vector{timed_out, woken, interrupted, interrupted});
  CHECK(s.log.text == "0@104 1@154 2@200 3@200");
  CHECK(s.queue.empty());
  CHECK(errno_of(interrupted) == Errno::erestartsys);
  CHECK(errno_of(timed_out) == Errno::etimedout);
}
