// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/kthread/task_work.h"

#include "model/kernel/calls/event_calls.h"
#include "model/kernel/syscall.h"
#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;
using events::CpuClass;

namespace {

struct Scene {
  struct Item final : Work {
    explicit Item(Scene& owner) : scene(owner) {}
    Task<void> run(Sleepable& ctx) override {
      scene.log.add("work" + std::to_string(id), ctx.now());
      co_await ctx.spend(scene.work);
    }
    Scene& scene;
  };
  Scene() {
    rig.system.costs.syscall_entry.each = 10ns;
    rig.system.costs.syscall_exit.each = 20ns;
    rig.system.costs.try_to_wake_up.each = 5ns;
    rig.system.costs.context_switch.each = 3ns;
    for (std::uint64_t id = 1; id <= 4; ++id) {
      items.push_back(std::make_unique<Item>(*this));
      items.back()->id = id;
    }
  }
  void start(Code<Scene> code) {
    Thread& thread = rig.thread(0, *this, code);
    works = std::make_unique<TaskWorks>(thread);
  }
  void add_at(Duration time) {
    rig.irq_at(time, 1, rig.action<Scene>(*this, [](Atomic& ctx, Scene& s) -> Task<void> {
      Work& item = *s.items[s.next++];
      const Errno added = co_await s.works->add(ctx, item);
      if (added != Errno::ok) s.log.add(name_of(added), ctx.now());
    }));
  }

  Cost work{100ns};
  Log log;
  std::size_t next = 0;
  std::vector<std::unique_ptr<Item>> items;
  WaitQueue deep{"deep"};
  std::unique_ptr<TaskWorks> works;
  Rig rig{2};
};

Task<Result<std::int64_t>> deep_body(Sleepable& ctx, Scene& s) {
  co_await s.deep.wait(ctx, "deep", events::Stage::queue);
  co_return 7;
}

Task<Result<std::int64_t>> nothing() {
  co_return 0;
}

}  // namespace

TEST_CASE("task work ends an interruptible sleep and runs before the call leaves the kernel") {
  Scene s;
  s.start([](Sleepable& ctx, Scene& scene) -> Task<void> {
    const Result<std::int64_t> slept = co_await sys_nanosleep(ctx, 1us);
    scene.log.add(slept ? "slept" : name_of(slept.error()), ctx.now());
  });
  s.add_at(200ns);
  s.rig.run(300ns);
  // The waker's 5 ns, a switch back of 3 ns; then the work's 100 ns, and the way out.
  CHECK(s.log.text == "work1@208 EINTR@328");
  CHECK(s.rig.spent(0, CpuClass::syscall) == 130ns);
}

TEST_CASE("one wake-up does for all that comes before the thread looks, in its order") {
  Scene s;
  s.rig.system.costs.context_switch.each = 50ns;
  s.start([](Sleepable& ctx, Scene&) -> Task<void> { co_await sys_nanosleep(ctx, 1us); });
  for (int i = 0; i < 3; ++i) s.add_at(200ns + 10ns * i);
  s.add_at(300ns);  // while the first runs
  s.rig.run();
  CHECK(s.log.text == "work1@255 work2@355 work3@455 work4@555");
  CHECK(s.rig.system.costs.try_to_wake_up.count == 1);
}

TEST_CASE("no other sleep ends for it: the call's way out is where it runs") {
  Scene s;
  s.start([](Sleepable& ctx, Scene& scene) -> Task<void> {
    const Result<std::int64_t> value = co_await syscall(ctx, Sysno::read, deep_body(ctx, scene));
    CHECK(value == 7);
  });
  s.add_at(200ns);
  s.rig.at(500ns, [&s] { s.deep.wake_from_outside(s.rig.system); });
  s.rig.run();
  CHECK(s.log.text == "work1@503");
  CHECK(s.rig.system.costs.try_to_wake_up.count == 0);
}

TEST_CASE("a thread in user mode meets it on its next way out of the kernel") {
  Scene s;
  s.start([](Sleepable& ctx, Scene&) -> Task<void> {
    co_await ctx.spend(Duration{400ns});
    co_await syscall(ctx, Sysno::read, nothing());
  });
  s.add_at(200ns);
  s.rig.run();
  CHECK(s.log.text == "work1@413");
}

TEST_CASE("who ends does what is left as its last, and can be given nothing more") {
  Scene s;
  s.start([](Sleepable& ctx, Scene&) -> Task<void> { co_await ctx.spend(Duration{400ns}); });
  s.add_at(200ns);
  s.add_at(450ns);  // while the first runs
  s.add_at(600ns);
  s.rig.run();
  CHECK(s.log.text == "work1@403 ESRCH@450 ESRCH@600");
  CHECK(s.works->exited());
  CHECK(s.works->empty());
}

TEST_CASE("what is taken back is not run") {
  Scene s;
  s.start([](Sleepable& ctx, Scene& scene) -> Task<void> {
    co_await ctx.spend(Duration{400ns});
    const std::deque<Work*> back = scene.works->take_back();
    REQUIRE(back.size() == 1);
    CHECK(back.front()->id == 1);
    const Result<std::int64_t> value = co_await syscall(ctx, Sysno::read, nothing());
    CHECK(value == 0);
  });
  s.add_at(200ns);
  s.rig.run();
  CHECK(s.log.text.empty());
}
