// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/kthread/kthread.h"

#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;
using events::CpuClass;

namespace {

struct Scene {
  explicit Scene(std::uint32_t cpus) : rig(cpus) {
    rig.system.costs.queue_work.each = 3ns;
    rig.system.costs.worker_pick.each = 2ns;
    rig.system.costs.thread_create.each = 50ns;
  }
  struct Item final : Work {
    explicit Item(Scene& owner) : scene(owner) {}
    Task<void> run(Sleepable& ctx) override {
      scene.log.add("item" + std::to_string(id) + "/cpu" + std::to_string(ctx.cpu().index()),
                    ctx.now());
      ++scene.running;
      scene.most = std::max(scene.most, scene.running);
      co_await ctx.spend(scene.work);
      if (sleeps) co_await scene.gate.wait(ctx, "gate", events::Stage::queue);
      --scene.running;
      ++scene.done;
    }
    Scene& scene;
    bool sleeps = false;
  };
  Item& item(bool sleeps = false) {
    items.push_back(std::make_unique<Item>(*this));
    items.back()->id = items.size();
    items.back()->sleeps = sleeps;
    return *items.back();
  }

  Cost work{100ns};
  Log log;
  int running = 0;
  int most = 0;
  int done = 0;
  WaitQueue gate{"gate"};
  std::deque<std::unique_ptr<Item>> items;
  std::size_t next = 0;  // item that queue_next() queues
  KthreadPool* pool = nullptr;
  Workqueue* workqueue = nullptr;
  Rig rig;
};

Task<void> queue_next(Atomic& ctx, Scene& s) {
  Work& work = *s.items[s.next++];
  co_await s.pool->queue(ctx, work);
}

Task<void> queue_on_workqueue(Atomic& ctx, Scene& s) {
  Work& work = *s.items[s.next++];
  co_await s.workqueue->queue(ctx, work);
}

}  // namespace

TEST_CASE("a pool takes work in the order it was queued") {
  Scene s(1);
  KthreadPool pool(s.rig.system, "pool", 1, 1);
  s.pool = &pool;
  IrqAction& queues = s.rig.action(s, queue_next);
  for (int i = 0; i < 4; ++i) {
    s.item();
    s.rig.irq_at(10ns * (i + 1), 0, queues);
  }
  s.rig.run();
  // Each later interrupt takes 3 ns from the first item.
  CHECK(s.log.text == "item1/cpu0@15 item2/cpu0@126 item3/cpu0@228 item4/cpu0@330");
  CHECK(s.done == 4);
  CHECK(pool.backlog() == 0);
  CHECK(s.rig.spent(0, CpuClass::kthread) == 408ns);
  s.rig.end();
}

TEST_CASE("a pool grows while its threads sleep, up to its limit and no further") {
  Scene s(1);
  KthreadPool pool(s.rig.system, "pool", 0, 3);
  s.pool = &pool;
  IrqAction& queues = s.rig.action(s, queue_next);
  for (int i = 0; i < 5; ++i) {
    s.item(true);
    s.rig.irq_at(1us * (i + 1), 0, queues);
  }
  s.rig.run();
  CHECK(pool.thread_count() == 3);
  CHECK(s.running == 3);
  CHECK(pool.backlog() == 2);
  CHECK(s.rig.system.costs.thread_create.count == 3);
  s.rig.at(10us, [&] { s.gate.wake_from_outside(s.rig.system); });
  s.rig.at(20us, [&] { s.gate.wake_from_outside(s.rig.system); });
  s.rig.run();
  CHECK(s.done == 5);
  CHECK(pool.thread_count() == 3);
  s.rig.end();
}

TEST_CASE("CPUs that queue at the same time do not grow a pool beyond its limit") {
  Scene s(4);
  KthreadPool pool(s.rig.system, "pool", 0, 2);
  s.pool = &pool;
  IrqAction& queues = s.rig.action(s, queue_next);
  for (std::uint32_t cpu = 0; cpu < 4; ++cpu) {
    s.item();
    s.rig.irq_at(1us, cpu, queues);
  }
  s.rig.run();
  CHECK(pool.thread_count() == 2);
  CHECK(s.most == 2);
  CHECK(s.done == 4);
  s.rig.end();
}

TEST_CASE("work on a workqueue runs on the CPU that queued it, though others are idle") {
  Scene s(3);
  Workqueue workqueue(s.rig.system, "events");
  s.workqueue = &workqueue;
  IrqAction& queues = s.rig.action(s, queue_on_workqueue);
  for (int i = 0; i < 3; ++i) s.item();
  s.rig.irq_at(10ns, 2, queues);
  s.rig.irq_at(20ns, 2, queues);
  s.rig.irq_at(30ns, 1, queues);
  s.rig.run();
  CHECK(s.log.text == "item1/cpu2@15 item3/cpu1@35 item2/cpu2@120");
  s.rig.end();
}

TEST_CASE("a pool takes what has a lower rank first, and equal ones in their order") {
  struct Ranked {
    Scene s{1};
    KthreadPool pool{s.rig.system, "pool", 1, 1};
  } all;
  for (int i = 0; i < 6; ++i) all.s.item();
  IrqAction& queues = all.s.rig.action<Ranked>(all, [](Atomic& ctx, Ranked& of) -> Task<void> {
    constexpr std::uint8_t kRanks[] = {9, 5, 9, 0, 5, 0};
    for (std::size_t i = 0; i < 6; ++i) co_await of.pool.queue(ctx, *of.s.items[i], kRanks[i]);
  });
  all.s.rig.irq_at(10ns, 0, queues);
  all.s.rig.run();
  CHECK(all.s.log.text ==
        "item4/cpu0@30 item6/cpu0@132 item2/cpu0@234 item5/cpu0@336 item1/cpu0@438 "
        "item3/cpu0@540");
  all.s.rig.end();
}
