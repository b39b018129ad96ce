// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/sync/futex.h"

#include "model/explore/random_walk.h"
#include "model/kernel/sync/wait_queue.h"
#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

struct Scene {
  explicit Scene(std::uint32_t cpus) : rig(cpus), table(rig.system) {
    rig.system.costs.futex_call.each = 3ns;
    rig.system.costs.try_to_wake_up.each = 4ns;
  }
  Cost tick{10ns};
  Log log;
  FutexWord word{0x1000};
  FutexWord other{0x2004};
  int inside = 0;
  int done = 0;
  std::int64_t count = 0;
  Rig rig;
  FutexTable table;
};

Task<void> wait(Sleepable& ctx, Scene& s) {
  const Result<std::int64_t> woken = co_await s.table.wait(ctx, s.word, 0);
  CHECK(woken == 0);
  s.log.add("thread" + std::to_string(ctx.thread().id), ctx.now());
  ++s.done;
}

// The mutex of user space: 0 free, 1 taken, 2 taken and somebody waits.
Task<void> lock(Sleepable& ctx, Scene& s) {
  const bool free = co_await s.word.value.compare_exchange(ctx, 0, 1);
  if (free) co_return;
  for (;;) {
    const bool marked = co_await s.word.value.compare_exchange(ctx, 1, 2);
    const std::uint32_t value = co_await s.word.value.load_acquire(ctx);
    if (marked || value == 2) co_await s.table.wait(ctx, s.word, 2);
    const bool taken = co_await s.word.value.compare_exchange(ctx, 0, 2);
    if (taken) co_return;
  }
}

Task<void> unlock(Sleepable& ctx, Scene& s) {
  const std::uint32_t before = co_await s.word.value.fetch_add(ctx, 0xffffffff);
  if (before == 1) co_return;
  co_await s.word.value.store_release(ctx, 0);
  co_await s.table.wake(ctx, s.word, 1);
}

}  // namespace

TEST_CASE("FUTEX_WAIT returns EAGAIN when the word holds something else, and nobody is queued") {
  Scene s(1);
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    const Result<std::int64_t> waited = co_await scene.table.wait(ctx, scene.word, 7);
    CHECK(waited.error() == Errno::eagain);
    ++scene.done;
  });
  s.rig.run();
  CHECK(s.done == 1);
  CHECK(s.table.waiters() == 0);
}

TEST_CASE("FUTEX_WAKE wakes as many waiters as it may, FIFO, says how many, and pays for each") {
  Scene s(2);
  for (int i = 0; i < 3; ++i) s.rig.thread(0, s, wait);
  s.rig.thread<Scene>(1, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    co_await ctx.spend(scene.tick, 10);
    const Result<std::int64_t> two = co_await scene.table.wake(ctx, scene.word, 2);
    CHECK(two == 2);
    co_await ctx.spend(scene.tick, 10);
    const Result<std::int64_t> rest = co_await scene.table.wake(ctx, scene.word, 100);
    CHECK(rest == 1);
    const Result<std::int64_t> none = co_await scene.table.wake(ctx, scene.word, 100);
    CHECK(none == 0);
  });
  s.rig.run();
  CHECK(s.log.text == "thread1@107 thread2@111 thread3@218");
  CHECK(s.table.waiters() == 0);
}

TEST_CASE("a futex wait ends with ETIMEDOUT at its deadline and ERESTARTSYS at a signal") {
  Scene s(2);
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    const Result<std::int64_t> late =
        co_await scene.table.wait(ctx, scene.word, 0, SimTime{} + 50ns);
    CHECK(late.error() == Errno::etimedout);
    CHECK(ctx.now() == SimTime{} + 54ns);  // the timer wakes it
    ++scene.done;
  });
  Thread& hit = s.rig.thread<Scene>(1, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    const Result<std::int64_t> hurt = co_await scene.table.wait(ctx, scene.word, 0);
    CHECK(hurt.error() == Errno::erestartsys);
    ++scene.done;
  });
  s.rig.at(80ns, [&] { signal_wake_up(s.rig.system, hit, nullptr); });
  s.rig.run();
  CHECK(s.done == 2);
  CHECK(s.table.waiters() == 0);
}

TEST_CASE("requeueing wakes some and moves others, who are woken at the other word from then on") {
  Scene s(2);
  for (int i = 0; i < 4; ++i) s.rig.thread(0, s, wait);
  s.rig.thread<Scene>(1, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    co_await ctx.spend(scene.tick, 10);
    FutexTable& table = scene.table;
    const auto stale = co_await table.requeue(ctx, scene.word, 1, scene.other, 2, 9);
    CHECK(stale.error() == Errno::eagain);
    const auto negative = co_await table.requeue(ctx, scene.word, -1, scene.other, 2);
    CHECK(negative.error() == Errno::einval);
    const auto three = co_await table.requeue(ctx, scene.word, 1, scene.other, 2, 0);
    CHECK(three == 3);
    CHECK(table.waiters() == 3);
    const auto moved = co_await table.wake(ctx, scene.other, 100);
    CHECK(moved == 2);
    const auto left = co_await table.wake(ctx, scene.word, 100);
    CHECK(left == 1);
  });
  s.rig.run();
  CHECK(s.done == 4);
}

TEST_CASE("an address that is no multiple of four is EINVAL") {
  Scene s(1);
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    FutexWord odd{0x1002};
    const auto waited = co_await scene.table.wait(ctx, odd, 0);
    CHECK(waited.error() == Errno::einval);
    const auto woken = co_await scene.table.wake(ctx, odd, 1);
    CHECK(woken.error() == Errno::einval);
    ++scene.done;
  });
  s.rig.run();
  CHECK(s.done == 1);
}

TEST_CASE("a lock of user space over a futex loses no wake-up in any schedule") {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    CAPTURE(seed);
    Scene s(3);
    // All in one instant, so that every order of the accesses can come.
    s.tick.each = s.rig.system.costs.futex_call.each = 0ns;
    s.rig.system.costs.try_to_wake_up.each = 0ns;
    explore::RandomWalk walk(seed);
    s.rig.timeline.choices().ask(&walk);
    for (std::uint32_t i = 0; i < 3; ++i)
      s.rig.thread<Scene>(i, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
        for (int round = 0; round < 3; ++round) {
          co_await lock(ctx, scene);
          check(scene.inside++ == 0, "two owners");
          co_await ctx.spend(scene.tick);
          --scene.inside;
          co_await unlock(ctx, scene);
        }
        ++scene.done;
      });
    s.rig.run();
    CHECK(s.done == 3);
    CHECK(s.table.waiters() == 0);
    s.rig.end();
  }
}
