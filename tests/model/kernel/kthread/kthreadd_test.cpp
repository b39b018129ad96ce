// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/kthread/kthreadd.h"

#include "tests/model/kernel/fail_allocation.h"
#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;
using events::CpuClass;

namespace {

struct Scene {
  explicit Scene(std::uint32_t cpus, std::size_t most = Kthreadd::kPidMax)
      : rig(cpus), kthreadd(rig.system, "own", most) {
    rig.system.costs.thread_create.each = 50ns;
    rig.system.costs.thread_exit.each = 20ns;
  }
  ~Scene() { rig.end(); }
  struct Wanted final : Kthreadd::Request {
    explicit Wanted(Scene& owner, int as) : scene(owner), number(as) {}
    Task<void> run(Sleepable& ctx) override {
      Scene& s = scene;
      const std::string name = std::to_string(number);
      const bool sleeps = sleepy;
      s.names.push_back(ctx.thread().name);
      s.mms.push_back(ctx.thread().mm);
      s.log.add("run" + name + "/" + std::to_string(ctx.cpu().index()), ctx.now());
      s.wanted[static_cast<std::size_t>(number)] = nullptr;  // may be gone from now on
      co_await ctx.spend(s.work);
      if (sleeps) co_await s.gate.wait(ctx, "gate", events::Stage::queue);
    }
    Task<void> refused(Sleepable& ctx) override {
      scene.log.add("none" + std::to_string(number) + "/" + ctx.thread().name, ctx.now());
      scene.wanted[static_cast<std::size_t>(number)] = nullptr;
      return Task<void>::ready();
    }
    Scene& scene;
    int number;
    bool sleepy = false;
  };
  Wanted& want(bool sleepy = false) {
    wanted.push_back(std::make_unique<Wanted>(*this, static_cast<int>(wanted.size())));
    wanted.back()->sleepy = sleepy;
    return *wanted.back();
  }
  static Task<void> ask(Atomic& ctx, Scene& s) {
    Wanted& next = *s.wanted[s.asked++];
    co_await s.kthreadd.create(ctx, next);
  }
  void ask_at(Duration time, std::uint32_t cpu) {
    rig.irq_at(time, cpu, rig.action(*this, &Scene::ask));
  }

  Cost work{100ns};
  Log log;
  WaitQueue gate{"gate"};
  std::vector<std::string> names;
  std::vector<std::uint32_t> mms;
  std::deque<std::unique_ptr<Wanted>> wanted;
  std::size_t asked = 0;
  Rig rig;
  Kthreadd kthreadd;
};

}  // namespace

TEST_CASE("a thread is made for each request, one after another, and ends with it") {
  Scene s(4);
  for (int i = 0; i < 3; ++i) {
    s.want();
    s.ask_at(10ns, 0);
  }
  s.rig.run();
  CHECK(s.log.text == "run0/1@60 run1/2@110 run2/3@160");
  CHECK(s.names == std::vector<std::string>{"own/0", "own/1", "own/2"});
  CHECK(s.mms == std::vector<std::uint32_t>{0, 0, 0});
  CHECK(s.rig.system.costs.thread_create.count == 3);
  CHECK(s.rig.system.costs.thread_exit.count == 3);
  CHECK(s.rig.spent(1, CpuClass::kthread) == 120ns);  // its work and its end
  CHECK(s.kthreadd.threads() == 0);
  CHECK(s.kthreadd.backlog() == 0);
  CHECK(s.kthreadd.made() == 3);
}

TEST_CASE("who asks in a hardirq pays for a lock and the wake-up, and does not wait") {
  Scene s(2);
  s.rig.system.costs.spin_lock.each = 3ns;
  s.rig.system.costs.try_to_wake_up.each = 5ns;
  s.want();
  s.ask_at(10ns, 1);
  s.rig.run();
  CHECK(s.rig.spent(1, CpuClass::hardirq) == 8ns);
  CHECK(s.log.text == "run0/1@68");
}

TEST_CASE("a thread that sleeps is there until it ends, and keeps no other from being made") {
  Scene s(2);
  s.want(true);
  s.want(true);
  s.want();
  for (int i = 0; i < 3; ++i) s.ask_at(10ns * (i + 1), 0);
  s.rig.run();
  CHECK(s.kthreadd.threads() == 2);
  s.rig.at(1us, [&s] { s.gate.wake_from_outside(s.rig.system); });
  s.rig.run();
  CHECK(s.kthreadd.threads() == 0);
  CHECK(s.rig.now() == 1us + 20ns);
}

TEST_CASE("without memory, or with too many threads, the request is refused in kthreadd") {
  Scene s(1, 1);
  FailAllocation oracle(1, "kthread");
  s.rig.timeline.choices().ask(&oracle);
  s.want();
  s.want(true);
  s.want();
  for (int i = 0; i < 3; ++i) s.ask_at(1us * (i + 1), 0);
  s.rig.run();
  s.rig.timeline.choices().ask(nullptr);
  CHECK(oracle.failed());
  CHECK(s.log.text == "none0/kthreadd@1050 run1/0@2050 none2/kthreadd@3050");
  CHECK(s.kthreadd.made() == 1);
  CHECK(s.rig.system.costs.thread_create.count == 3);  // that it fails shows at its end
}
