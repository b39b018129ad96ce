// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/sync/mutex.h"

#include "model/explore/random_walk.h"
#include "model/kernel/sync/completion.h"
#include "model/kernel/sync/rwsem.h"
#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;
using events::CpuClass;
using events::Stage;

namespace {

struct Scene {
  explicit Scene(std::uint32_t cpus) : rig(cpus) {
    rig.system.costs.mutex_lock.each = 2ns;
    rig.system.costs.try_to_wake_up.each = 4ns;
  }
  Cost tick{10ns};
  Log log;
  Mutex mutex{"test"};
  Rwsem sem{"test"};
  Completion completion{"test"};
  int inside = 0;
  int readers = 0;
  int done = 0;
  Rig rig;
};

// Comes after as many ticks as its CPU's number and one, and works for ten in the mutex.
Task<void> contend(Sleepable& ctx, Scene& s) {
  const std::uint32_t cpu = ctx.cpu().index();
  co_await ctx.spend(s.tick, cpu + 1);
  co_await s.mutex.lock(ctx);
  CHECK(s.inside++ == 0);
  s.log.add("thread" + std::to_string(ctx.thread().id), ctx.now());
  co_await ctx.spend(s.tick, 10);
  --s.inside;
  co_await s.mutex.unlock(ctx);
  ++s.done;
}

}  // namespace

TEST_CASE("who finds a mutex's owner running on another CPU spins, FIFO, and never sleeps") {
  Scene s(3);
  for (const std::uint32_t cpu : {2u, 0u, 1u}) s.rig.thread(cpu, s, contend);
  s.rig.run();
  CHECK(s.log.text == "thread2@12 thread3@112 thread1@212");
  CHECK(s.rig.probe.counters().wakeups == 0);
  CHECK(s.rig.spent(1, CpuClass::spin) == 90ns);   // from 22 on
  CHECK(s.rig.spent(2, CpuClass::spin) == 180ns);  // from 32 on
  CHECK(!s.mutex.is_locked());
  CHECK_FALSE(s.mutex.has_waiters());
}

TEST_CASE("spinners sleep when the owner leaves its CPU, and are woken by its unlock") {
  Scene s(2);
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    co_await scene.mutex.lock(ctx);
    co_await ctx.spend(scene.tick, 5);
    co_await scene.completion.wait(ctx, Stage::queue);
    co_await scene.mutex.unlock(ctx);
  });
  Thread& other = s.rig.thread(1, s, contend);
  s.rig.at(40ns, [&] { CHECK(other.state == Thread::State::running); });
  s.rig.at(60ns, [&] { CHECK(other.state == Thread::State::sleeping); });
  IrqAction& completes = s.rig.action<Scene>(
      s, [](Atomic& ctx, Scene& scene) -> Task<void> { co_await scene.completion.complete(ctx); });
  s.rig.irq_at(100ns, 0, completes);
  s.rig.run();
  // Spun from 22 to 52; the completion and the unlock each cost a wake-up.
  CHECK(s.rig.spent(1, CpuClass::spin) == 30ns);
  CHECK(s.log.text == "thread2@108");
}

TEST_CASE("a sleeper that found the mutex taken again is handed it by the next unlock") {
  Scene s(1);
  s.rig.tick_every(25ns);
  // Takes it again and again without ever sleeping.
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    for (int i = 0; i < 50 && scene.done == 0; ++i) {
      co_await scene.mutex.lock(ctx);
      for (int k = 0; k < 4; ++k) co_await ctx.spend(scene.tick);
      co_await scene.mutex.unlock(ctx);
      ++scene.readers;
    }
  });
  s.rig.thread(0, s, contend);
  s.rig.run();
  CHECK(s.done == 1);
  CHECK(s.readers < 10);
}

TEST_CASE("a mutex is unlocked by its owner alone, and not taken twice") {
  Scene s(1);
  s.rig.thread<Scene>(
      0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> { co_await scene.mutex.unlock(ctx); });
  CHECK_THROWS_AS(s.rig.timeline.run(), InternalError);
  Scene twice(1);
  twice.rig.thread<Scene>(0, twice, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    co_await scene.mutex.lock(ctx);
    co_await scene.mutex.lock(ctx);
  });
  CHECK_THROWS_AS(twice.rig.timeline.run(), InternalError);
}

TEST_CASE("a signal ends an interruptible wait for a mutex with EINTR, and try_lock never waits") {
  Scene s(1);
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    co_await scene.mutex.lock(ctx);
    co_await scene.completion.wait(ctx, Stage::queue);
  });
  Thread& waits = s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    const bool taken = co_await scene.mutex.try_lock(ctx);
    CHECK_FALSE(taken);
    const Result<void> locked = co_await scene.mutex.lock_interruptible(ctx);
    CHECK(locked.error() == Errno::eintr);
    ++scene.done;
  });
  s.rig.at(1us, [&] { signal_wake_up(s.rig.system, waits, nullptr); });
  s.rig.run();
  CHECK(s.done == 1);
  CHECK_FALSE(s.mutex.has_waiters());
  s.rig.end();
}

TEST_CASE("readers share, a waiting writer keeps later readers out, and downgrading lets them in") {
  Scene s(4);
  const auto read = [](Sleepable& ctx, Scene& scene) -> Task<void> {
    co_await ctx.spend(scene.tick, ctx.cpu().index() + 1);
    co_await scene.sem.down_read(ctx);
    scene.log.add("reader" + std::to_string(ctx.cpu().index()), ctx.now());
    co_await ctx.spend(scene.tick, 10);
    co_await scene.sem.up_read(ctx);
  };
  s.rig.thread<Scene>(0, s, read);
  s.rig.thread<Scene>(1, s, read);
  s.rig.thread<Scene>(2, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    co_await ctx.spend(scene.tick, 3);
    co_await scene.sem.down_write(ctx);
    scene.log.add("writer", ctx.now());
    co_await ctx.spend(scene.tick, 10);
    co_await scene.sem.downgrade_write(ctx);
    co_await ctx.spend(scene.tick, 10);
    co_await scene.sem.up_read(ctx);
  });
  s.rig.thread<Scene>(3, s, read);
  s.rig.run();
  // The second reader lets go at 122; a wake-up is 4 ns.
  CHECK(s.log.text == "reader0@12 reader1@22 writer@126 reader3@230");
  CHECK(s.sem.readers() == 0);
  CHECK_FALSE(s.sem.has_waiters());
}

TEST_CASE("a completion lets one waiter go per complete(), all after complete_all()") {
  Scene s(1);
  for (int i = 0; i < 3; ++i)
    s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
      co_await scene.completion.wait(ctx, Stage::queue);
      ++scene.done;
    });
  IrqAction& one = s.rig.action<Scene>(
      s, [](Atomic& ctx, Scene& scene) -> Task<void> { co_await scene.completion.complete(ctx); });
  IrqAction& all = s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
    co_await scene.completion.complete_all(ctx);
  });
  s.rig.irq_at(100ns, 0, one);
  s.rig.at(200ns, [&] { CHECK(s.done == 1); });
  s.rig.irq_at(300ns, 0, all);
  s.rig.run();
  CHECK(s.done == 3);
  CHECK(s.completion.try_wait());  // and whoever comes later
  s.completion.reinit();
  CHECK_FALSE(s.completion.try_wait());
}

TEST_CASE("a wait for a completion ends at its deadline with ETIMEDOUT, but takes what has come") {
  Scene s(1);
  s.rig.system.scheduler.hz = 1000;
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    const Result<void> late =
        co_await scene.completion.wait_for(ctx, Stage::queue, SimTime{} + 100ns);
    CHECK(late.error() == Errno::etimedout);
    scene.log.add("late", ctx.now());
    const Result<void> came = co_await scene.completion.wait_for(ctx, Stage::queue, SimTime{} + 1s);
    CHECK(came);
    scene.log.add("came", ctx.now());
  });
  IrqAction& one = s.rig.action<Scene>(
      s, [](Atomic& ctx, Scene& scene) -> Task<void> { co_await scene.completion.complete(ctx); });
  s.rig.irq_at(2100us, 0, one);
  s.rig.run();
  CHECK(s.log.text == "late@2000004 came@2100004");
  CHECK(s.rig.now() == 3ms);  // the tick under way; the timer that was cancelled moved nothing
}

TEST_CASE("in any schedule a mutex and a rwsem exclude, and nobody is forgotten") {
  const auto lock = [](Sleepable& ctx, Scene& s) -> Task<void> {
    for (int i = 0; i < 3; ++i) {
      co_await s.mutex.lock(ctx);
      check(s.inside++ == 0, "two owners");
      co_await ctx.spend(s.tick);
      if (i == 1) co_await s.completion.wait(ctx, Stage::queue);
      --s.inside;
      co_await s.completion.complete(ctx);
      co_await s.mutex.unlock(ctx);
    }
    ++s.done;
  };
  const auto read = [](Sleepable& ctx, Scene& s) -> Task<void> {
    for (int i = 0; i < 3; ++i) {
      co_await s.sem.down_read(ctx);
      ++s.readers;
      check(s.sem.writer() == nullptr, "a reader beside a writer");
      co_await ctx.spend(s.tick);
      --s.readers;
      co_await s.sem.up_read(ctx);
    }
    ++s.done;
  };
  const auto write = [](Sleepable& ctx, Scene& s) -> Task<void> {
    for (int i = 0; i < 3; ++i) {
      co_await s.sem.down_write(ctx);
      check(s.readers == 0 && s.sem.readers() == 0, "a writer beside a reader");
      co_await ctx.spend(s.tick);
      co_await s.sem.up_write(ctx);
    }
    ++s.done;
  };
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    Scene s(3);
    s.rig.tick_every(15ns);
    explore::RandomWalk walk(seed);
    s.rig.timeline.choices().ask(&walk);
    for (std::uint32_t i = 0; i < 4; ++i) {
      s.rig.thread<Scene>(i % 3, s, lock);
      s.rig.thread<Scene>(i % 3, s, read);
      if (i < 2) s.rig.thread<Scene>(i % 3, s, write);
    }
    s.rig.run();
    CHECK(s.done == 10);
    CHECK_FALSE(s.mutex.is_locked());
    CHECK_FALSE(s.mutex.has_waiters());
    CHECK_FALSE(s.sem.has_waiters());
    CHECK(s.rig.spent_in_all() == 3 * s.rig.now());
    s.rig.end();
  }
}
