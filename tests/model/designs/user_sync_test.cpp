// SPDX-License-Identifier: Apache-2.0
#include "model/designs/user_sync.h"

#include "model/events/syscall.h"
#include "model/explore/random_walk.h"
#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;
using namespace iodrome::designs;

namespace {

struct Scene {
  explicit Scene(std::uint32_t cpus) : rig(cpus), sync(rig.system) {}
  Cost work{10ns};
  int inside = 0;
  int done = 0;
  std::uint64_t items = 0;
  std::vector<std::uint64_t> order;
  Rig rig;
  UserSync sync;
  UserMutex mutex{sync};
  UserCondition news{sync};
  std::uint64_t syscalls() { return rig.probe.counters().syscalls; }
};

Task<void> enter_often(Sleepable& user, Scene& s) {
  for (int round = 0; round < 3; ++round) {
    co_await s.mutex.lock(user);
    check(s.inside++ == 0, "two owners");
    co_await user.spend(s.work);
    --s.inside;
    co_await s.mutex.unlock(user);
  }
  ++s.done;
}

Task<void> take_one(Sleepable& user, Scene& s) {
  co_await s.mutex.lock(user);
  while (s.items == 0) co_await s.news.wait(user, s.mutex);
  --s.items;
  s.order.push_back(user.thread().id);
  co_await s.mutex.unlock(user);
  ++s.done;
}

Task<void> give_one(Sleepable& user, Scene& s) {
  co_await s.mutex.lock(user);
  ++s.items;
  co_await s.news.signal(user);
  co_await s.mutex.unlock(user);
}

}  // namespace

TEST_CASE("a mutex that nobody contends for needs no call and costs one lock each time") {
  Scene s(1);
  s.rig.system.costs.mutex_lock.each = 30ns;
  s.rig.thread(0, s, enter_often);
  s.rig.run();
  CHECK(s.syscalls() == 0);
  CHECK(s.mutex.contended() == 0);
  CHECK(s.rig.system.costs.mutex_lock.count == 3);
  CHECK(s.rig.now() == 3 * 40ns);
}

TEST_CASE("a mutex has one owner at a time and loses no wake-up in any schedule") {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    CAPTURE(seed);
    Scene s(3);
    s.work.each = 0ns;
    explore::RandomWalk walk(seed);
    s.rig.timeline.choices().ask(&walk);
    for (std::uint32_t i = 0; i < 3; ++i) s.rig.thread(i, s, enter_often);
    s.rig.run();
    CHECK(s.done == 3);
    CHECK(s.sync.futexes.waiters() == 0);
    s.rig.end();
  }
}

TEST_CASE("who finds a mutex held sleeps in one futex call and is woken by one") {
  Scene s(2);
  s.rig.system.costs.mutex_lock.each = 1ns;
  s.work.each = 1us;
  s.rig.thread(0, s, enter_often);
  s.rig.thread<Scene>(1, s, [](Sleepable& user, Scene& scene) -> Task<void> {
    co_await user.spend(scene.work.each / 2);
    co_await scene.mutex.lock(user);
    CHECK(scene.inside == 0);
    co_await scene.mutex.unlock(user);
    ++scene.done;
  });
  s.rig.run();
  CHECK(s.done == 2);
  CHECK(s.mutex.contended() >= 1);
  CHECK(s.syscalls() >= 2);
}

TEST_CASE("a condition's waiters go on in the order in which they came, one for each signal") {
  Scene s(4);
  for (std::uint32_t i = 0; i < 3; ++i) s.rig.thread(i, s, take_one);
  Thread& giver = s.rig.thread<Scene>(3, s, [](Sleepable& user, Scene& scene) -> Task<void> {
    for (int i = 0; i < 3; ++i) {
      co_await user.spend(scene.work.each * 100);
      co_await give_one(user, scene);
    }
  });
  s.rig.run();
  CHECK(s.done == 3);
  CHECK(s.order == std::vector<std::uint64_t>{giver.id - 3, giver.id - 2, giver.id - 1});
}

TEST_CASE("a signal that nobody waits for is no call") {
  Scene s(1);
  s.rig.thread(0, s, give_one);
  s.rig.run();
  CHECK(s.syscalls() == 0);
}

TEST_CASE("every signal reaches a waiter or is seen in the state in any schedule") {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    CAPTURE(seed);
    Scene s(4);
    explore::RandomWalk walk(seed);
    s.rig.timeline.choices().ask(&walk);
    for (std::uint32_t i = 0; i < 2; ++i) s.rig.thread(i, s, take_one);
    for (std::uint32_t i = 2; i < 4; ++i) s.rig.thread(i, s, give_one);
    s.rig.run();
    CHECK(s.done == 2);
    CHECK(s.sync.futexes.waiters() == 0);
    s.rig.end();
  }
}

TEST_CASE("a wait ends with ETIMEDOUT at its deadline and a later signal goes to somebody else") {
  Scene s(2);
  s.rig.thread<Scene>(0, s, [](Sleepable& user, Scene& scene) -> Task<void> {
    co_await scene.mutex.lock(user);
    const Errno late = co_await scene.news.wait(user, scene.mutex, SimTime{} + 1us);
    CHECK(late == Errno::etimedout);
    CHECK(user.now() >= SimTime{} + 1us);
    co_await scene.mutex.unlock(user);
    ++scene.done;
  });
  s.rig.thread(0, s, take_one);
  s.rig.thread<Scene>(1, s, [](Sleepable& user, Scene& scene) -> Task<void> {
    co_await user.spend(Duration{5us});
    co_await give_one(user, scene);
  });
  s.rig.run();
  CHECK(s.done == 2);
}
