// SPDX-License-Identifier: Apache-2.0
// Contexts are types, and sleeping threads come back where and when they should.
#include "model/kernel/cpu/context.h"

#include <type_traits>

#include "model/kernel/calls/file_calls.h"
#include "model/kernel/sync/completion.h"
#include "model/kernel/sync/mutex.h"
#include "model/kernel/sync/rwsem.h"
#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;
using events::CpuClass;
using events::Stage;

namespace {

// Sleeping in an interrupt handler does not compile: Sleepable converts to Atomic, never back.
static_assert(std::is_convertible_v<Sleepable&, Atomic&>);
static_assert(!std::is_convertible_v<Atomic&, Sleepable&>);
static_assert(
    std::is_invocable_v<decltype(&WaitQueue::wait), WaitQueue&, Sleepable&, const char*, Stage>);
static_assert(
    !std::is_invocable_v<decltype(&WaitQueue::wait), WaitQueue&, Atomic&, const char*, Stage>);
static_assert(std::is_invocable_v<decltype(&open_blocking), Sleepable&, Os&, const std::string&>);
static_assert(!std::is_invocable_v<decltype(&open_blocking), Atomic&, Os&, const std::string&>);
static_assert(!std::is_invocable_v<decltype(&try_open), Atomic&, Os&, const std::string&, IoWait*>);
static_assert(std::is_invocable_v<decltype(&WaitQueue::wake_one), WaitQueue&, Atomic&>);
static_assert(!std::is_constructible_v<BlockingWait, Atomic&>);
static_assert(std::is_invocable_v<decltype(&Mutex::lock), Mutex&, Sleepable&, Place>);
static_assert(!std::is_invocable_v<decltype(&Mutex::lock), Mutex&, Atomic&, Place>);
static_assert(std::is_invocable_v<decltype(&Rwsem::down_read), Rwsem&, Sleepable&, Place>);
static_assert(!std::is_invocable_v<decltype(&Rwsem::down_read), Rwsem&, Atomic&, Place>);
static_assert(!std::is_invocable_v<decltype(&Rwsem::down_write), Rwsem&, Atomic&, Place>);
static_assert(std::is_invocable_v<decltype(&Completion::wait), Completion&, Sleepable&, Stage>);
static_assert(!std::is_invocable_v<decltype(&Completion::wait), Completion&, Atomic&, Stage>);
static_assert(std::is_invocable_v<decltype(&Completion::complete), Completion&, Atomic&>);
static_assert(!std::is_copy_constructible_v<Atomic> && !std::is_copy_constructible_v<Sleepable>);

struct Scene {
  explicit Scene(std::uint32_t cpus) : rig(cpus) {
    rig.system.costs.context_switch.each = 10ns;
    rig.system.costs.try_to_wake_up.each = 4ns;
    rig.system.scheduler.idle_exit_latency = 50ns;
  }
  Cost work{100ns};
  Log log;
  WaitQueue queue{"queue"};
  events::StageLedger ledger;
  Rig rig;
};

Task<void> sleep_once(Sleepable& ctx, Scene& s) {
  co_await s.queue.wait(ctx, "test", Stage::queue);
  s.log.add("cpu" + std::to_string(ctx.cpu().index()), ctx.now());
}

Task<void> busy(Sleepable& ctx, Scene& s) {
  co_await ctx.spend(s.work, 10);
}

}  // namespace

TEST_CASE("a thread wakes up on the CPU it last ran on if that is idle") {
  Scene s(3);
  s.rig.thread(1, s, sleep_once);
  s.rig.at(100ns, [&] { s.queue.wake_from_outside(s.rig.system); });
  s.rig.run();
  CHECK(s.log.text == "cpu1@160");
}

TEST_CASE("a thread whose CPU is busy wakes up on the first idle one after it") {
  Scene s(4);
  s.rig.thread(1, s, sleep_once);
  s.rig.thread(1, s, busy);
  s.rig.thread(2, s, busy);
  s.rig.at(100ns, [&] { s.queue.wake_from_outside(s.rig.system); });
  s.rig.run();
  CHECK(s.log.text == "cpu3@160");
}

TEST_CASE("the search for an idle CPU goes round past the last") {
  Scene s(3);
  s.rig.thread(1, s, sleep_once);
  s.rig.thread(1, s, busy);
  s.rig.thread(2, s, busy);
  s.rig.at(100ns, [&] { s.queue.wake_from_outside(s.rig.system); });
  s.rig.run();
  CHECK(s.log.text == "cpu0@160");
}

TEST_CASE("a thread waits for its CPU where all are busy, and where it is pinned") {
  for (const bool pinned : {false, true}) {
    Scene s(pinned ? 2 : 1);
    s.rig.thread(0, s, sleep_once).pinned = pinned;
    s.rig.thread(0, s, busy);
    s.rig.at(100ns, [&] { s.queue.wake_from_outside(s.rig.system); });
    s.rig.run();
    CHECK(s.log.text == "cpu0@1080");  // idle exit, switch, switch, the other's 1000 ns, switch
  }
}

TEST_CASE("waking costs the waker, and a thread on another CPU comes later") {
  for (const std::uint32_t sleeper_on : {0u, 1u}) {
    Scene s(2);
    s.rig.thread(sleeper_on, s, sleep_once);
    s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
      co_await ctx.spend(scene.work);
      co_await scene.queue.wake_one(ctx);
      scene.log.add("woke", ctx.now());
    });
    s.rig.run();
    if (sleeper_on == 0)
      // On the waker's own CPU it would run after it; the other CPU is idle and takes it.
      CHECK(s.log.text == "woke@174 cpu1@234");
    else
      CHECK(s.log.text == "woke@164 cpu1@224");
  }
}

TEST_CASE("an interrupt on the sleeper's own idle CPU wakes it once the CPU is back") {
  Scene s(1);
  s.rig.thread(0, s, sleep_once);
  IrqAction& wakes = s.rig.action<Scene>(
      s, [](Atomic& ctx, Scene& scene) -> Task<void> { co_await scene.queue.wake_one(ctx); });
  s.rig.irq_at(100ns, 0, wakes);
  s.rig.run();
  CHECK(s.log.text == "cpu0@164");
  CHECK(s.rig.spent(0, CpuClass::hardirq) == 4ns);
}

TEST_CASE("a wake-up between queueing and blocking is not lost") {
  Scene s(1);
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    co_await ctx.spend(scene.work);
    wake_up(ctx.system(), ctx.thread(), &ctx.cpu());
    co_await ctx.block("test", Stage::queue);
    scene.log.add("on", ctx.now());
    co_await ctx.block("test", Stage::queue);  // one wake-up is one
    scene.log.add("never", ctx.now());
  });
  s.rig.run();
  CHECK(s.log.text == "on@160");
}

TEST_CASE("the time asleep belongs to the stage asked for, the way back to the wake-up") {
  Scene s(1);
  Thread& thread = s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    scene.ledger.open(ctx.now(), Stage::kernel);
    const WorkOn on(ctx, &scene.ledger, Stage::kernel);
    co_await ctx.spend(scene.work);
    co_await scene.queue.wait(ctx, "test", Stage::device);
    co_await ctx.spend(scene.work);
    scene.ledger.close(ctx.now());
  });
  s.rig.at(500ns, [&] { s.queue.wake_from_outside(s.rig.system); });
  s.rig.run();
  CHECK(stage(s.ledger, Stage::kernel) == 200ns);
  CHECK(stage(s.ledger, Stage::device) == 340ns);
  CHECK(stage(s.ledger, Stage::wakeup) == 60ns);
  CHECK(thread.blocked_total == 340ns);
}

TEST_CASE("work on one request gives way to another and comes back to it") {
  Scene s(1);
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    events::StageLedger inner;
    scene.ledger.open(ctx.now(), Stage::submit);
    inner.open(ctx.now(), Stage::queue);
    const WorkOn outer_work(ctx, &scene.ledger, Stage::submit);
    co_await ctx.spend(scene.work);
    {
      const WorkOn inner_work(ctx, &inner, Stage::kernel);
      co_await ctx.spend(scene.work);
      CHECK(ctx.ledger() == &inner);
    }
    CHECK(ctx.ledger() == &scene.ledger);
    CHECK(ctx.stage() == Stage::submit);
    {
      const WorkOn again(ctx, &scene.ledger, Stage::kernel);
      ctx.stop_work();  // handed over: the outer scope must not take it back
    }
    CHECK(ctx.ledger() == nullptr);
    inner.close(ctx.now());
    CHECK(stage(inner, Stage::kernel) == 100ns);
  });
  s.rig.run();
}
