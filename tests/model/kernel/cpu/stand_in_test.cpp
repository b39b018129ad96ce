// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/cpu/stand_in.h"

#include "model/events/sched.h"
#include "model/explore/random_walk.h"
#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

struct Scene {
  explicit Scene(std::uint32_t cpus) : rig(cpus) { rig.system.costs.context_switch.each = 1us; }
  Cost work{10us};
  Rig rig;
  WaitQueue device{"device"};
  std::unique_ptr<StandIn> stand_in;
  Thread* spare = nullptr;
  bool sleeps = false;
  bool rests = false;
  int done = 0;
  int slept = 0;
  std::vector<std::string> order;
  std::uint64_t switches() { return rig.system.costs.context_switch.count; }
};

// In somebody's place, twice 10 us, with a sleep between if it `sleeps`, else a chance for others.
Task<void> serve(Sleepable& self, Scene& s) {
  self.turn_to(events::CpuClass::syscall);
  for (;;) {
    s.rests = true;
    co_await s.stand_in->rest(self);
    s.rests = false;
    co_await self.spend(s.work);
    if (s.sleeps) {
      co_await s.device.wait(self, "device", events::Stage::device);
      ++s.slept;
      CHECK(!s.stand_in->stands_in());
    }
    co_await self.cond_resched();
    co_await self.spend(s.work);
    s.order.push_back("done");
    ++s.done;
  }
}

// The spare thread rests by the time the other one begins.
void make_spare(Scene& s) {
  s.spare = &s.rig.thread(0, s, serve);
  s.stand_in = std::make_unique<StandIn>(*s.spare);
}

}  // namespace

TEST_CASE("who comes to rest without a sleep was no switch and its time is the caller's") {
  Scene s(1);
  make_spare(s);
  Thread& caller = s.rig.thread<Scene>(0, s, [](Sleepable& user, Scene& scene) -> Task<void> {
    const std::uint64_t before = scene.switches();
    const SimTime began = user.now();
    for (int i = 0; i < 3; ++i) {
      const bool rests = co_await scene.stand_in->run(user);
      CHECK(rests);
    }
    CHECK(scene.done == 3);
    CHECK(scene.switches() == before);
    CHECK(user.now() - began == 60us);
    CHECK(user.thread().blocked_total == Duration{0});
  });
  s.rig.run();
  CHECK(s.done == 3);
  CHECK(caller.state == Thread::State::dead);
  CHECK(s.spare->state == Thread::State::sleeping);
  s.rig.end();
}

TEST_CASE("when the stand-in sleeps its caller goes on at once by one switch") {
  Scene s(2);
  s.sleeps = true;
  make_spare(s);
  s.rig.thread<Scene>(0, s, [](Sleepable& user, Scene& scene) -> Task<void> {
    const std::uint64_t before = scene.switches();
    const SimTime began = user.now();
    Cpu& here = user.cpu();
    const bool rests = co_await scene.stand_in->run(user);
    CHECK(!rests);
    CHECK(scene.done == 0);
    CHECK(user.now() - began == 11us);
    CHECK(scene.switches() == before + 1);
    CHECK(&user.cpu() == &here);
    CHECK(user.thread().blocked_total == Duration{0});
    scene.order.push_back("caller");
    co_await scene.device.wake_one(user);
    co_await user.spend(Duration{100us});
    // Finished meanwhile, on the other CPU, and rests.
    CHECK(scene.done == 1);
    scene.sleeps = false;
    const bool again = co_await scene.stand_in->run(user);
    CHECK(again);
    CHECK(scene.done == 2);
  });
  s.rig.run();
  CHECK(s.slept == 1);
  CHECK(s.order == std::vector<std::string>{"caller", "done", "done"});
  s.rig.end();
}

TEST_CASE("a stand-in that loses its CPU to another thread is no sleeper") {
  Scene s(1);
  s.rig.tick_every(5us);
  make_spare(s);
  s.rig.thread<Scene>(0, s, [](Sleepable& user, Scene& scene) -> Task<void> {
    user.turn_to(events::CpuClass::syscall);  // the tick takes the CPU where the kernel gives way
    const bool rests = co_await scene.stand_in->run(user);
    CHECK(rests);
    scene.order.push_back("caller");
  });
  s.rig.thread<Scene>(0, s, [](Sleepable& user, Scene& scene) -> Task<void> {
    scene.order.push_back("other");
    co_await user.spend(Duration{1us});
  });
  s.rig.run();
  CHECK(s.done == 1);
  CHECK(s.order == std::vector<std::string>{"other", "done", "caller"});
  s.rig.end();
}

TEST_CASE("callers and a stand-in lose neither a turn nor a wake-up in any schedule") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    Scene s(2);
    s.sleeps = true;
    make_spare(s);
    explore::RandomWalk walk(seed);
    s.rig.timeline.choices().ask(&walk);
    int missed = 0;
    struct Both {
      Scene& scene;
      int& missed;
    } both{s, missed};
    s.rig.thread<Both>(1, both, [](Sleepable& user, Both& b) -> Task<void> {
      for (int i = 0; i < 3; ++i) {
        while (!b.scene.rests) co_await user.spend(Duration{15us});
        const bool rests = co_await b.scene.stand_in->run(user);
        b.missed += rests ? 0 : 1;
        while (b.scene.done <= i) {
          co_await b.scene.device.wake_one(user);
          co_await user.spend(Duration{15us});
        }
      }
    });
    s.rig.run();
    CHECK(s.done == 3);
    CHECK(missed == 3);
    s.rig.end();
  }
}
