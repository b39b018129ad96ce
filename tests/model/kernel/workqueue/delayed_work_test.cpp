// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/workqueue/delayed_work.h"

#include "tests/model/kernel/workqueue/scene.h"

using namespace iodrome;
using namespace iodrome::kernel;
using wq::Pools;

namespace {

struct Scene {
  Scene() { rig.system.scheduler.hz = 1000; }
  struct Item final : wq::DelayedWork {
    explicit Item(Scene& owner) : scene(owner) {}
    Task<void> run(Sleepable& ctx) override {
      scene.log.add("s/" + std::to_string(ctx.cpu().index()), ctx.now());
      co_await ctx.spend(scene.work);
      scene.log.add("e/" + std::to_string(ctx.cpu().index()), ctx.now());
    }
    Scene& scene;
  };

  void answer(const char* call, bool with, SimTime when) {
    log.add(std::string(call) + (with ? "+" : "-"), when);
  }

  Cost work{100ns};
  Log log;
  Duration delay = 1us;
  Item item{*this};
  wq::Workqueue* queue = nullptr;
  Rig rig{2};
};

Task<void> queue_delayed(Atomic& ctx, Scene& s) {
  const bool queued = co_await s.queue->queue_delayed(ctx, s.item, s.delay);
  s.answer("queue", queued, ctx.now());
}

Task<void> mod_delayed(Atomic& ctx, Scene& s) {
  const bool was_pending = co_await s.queue->mod_delayed(ctx, s.item, s.delay);
  s.answer("mod", was_pending, ctx.now());
}

Task<void> cancel_delayed(Sleepable& ctx, Scene& s) {
  co_await ctx.spend(s.work);
  const bool was_pending = co_await wq::cancel_delayed_work_sync(ctx, s.item);
  s.answer("cancel", was_pending, ctx.now());
}

}  // namespace

TEST_CASE(
    "delayed work is pending from the call and runs after the jiffies of the delay, on the same "
    "CPU") {
  Scene s;
  Pools pools(s.rig.system);
  wq::Workqueue queue(pools, "q", {});
  s.queue = &queue;
  s.rig.irq_at(100ns, 1, s.rig.action(s, queue_delayed));
  s.rig.irq_at(200ns, 0, s.rig.action(s, queue_delayed));
  s.rig.run();
  CHECK(s.log.text == "queue+@100 queue-@200 s/1@2000000 e/1@2000100");
  CHECK(s.rig.system.costs.queue_work.count == 1);
  s.rig.end();
}

TEST_CASE(
    "mod_delayed_work moves the time of an item that is pending, and queues one that is not") {
  Scene s;
  Pools pools(s.rig.system);
  wq::Workqueue queue(pools, "q", {});
  s.queue = &queue;
  IrqAction& moves = s.rig.action(s, mod_delayed);
  s.rig.irq_at(100ns, 0, moves);
  s.rig.irq_at(1500us, 1, moves);
  s.rig.run();
  CHECK(s.log.text == "mod-@100 mod+@1500000 s/1@3000000 e/1@3000100");
  s.rig.end();
}

TEST_CASE("cancel_delayed_work_sync stops the timer") {
  Scene s;
  Pools pools(s.rig.system);
  wq::Workqueue queue(pools, "q", {});
  s.queue = &queue;
  s.rig.irq_at(50ns, 0, s.rig.action(s, queue_delayed));
  s.rig.thread<Scene>(1, s, cancel_delayed);
  s.rig.run();
  CHECK(s.log.text == "queue+@50 cancel+@100");
  CHECK_FALSE(s.item.pending());
  CHECK(queue.empty());
  s.rig.end();
}

TEST_CASE("a cancellation between the timer and the queueing waits for the softirq") {
  Scene s;
  s.rig.system.costs.queue_work.each = 30ns;
  Pools pools(s.rig.system);
  wq::Workqueue queue(pools, "q", {});
  s.queue = &queue;
  s.rig.irq_at(50ns, 0,
               s.rig.action(s, queue_delayed));  // the softirq works for 30 ns from 2 ms on
  s.rig.at(2ms - 90ns, [&] { s.rig.thread<Scene>(1, s, cancel_delayed); });
  s.rig.run();
  CHECK(s.log.text == "queue+@50 cancel+@2000030");
  CHECK_FALSE(s.item.pending());
  CHECK(queue.empty());
  s.rig.end();
}

TEST_CASE("cancel_delayed_work_sync waits for the run in progress") {
  Scene s;
  Pools pools(s.rig.system);
  wq::Workqueue queue(pools, "q", {});
  s.queue = &queue;
  s.rig.irq_at(50ns, 0, s.rig.action(s, queue_delayed));
  s.rig.at(2ms - 50ns, [&] { s.rig.thread<Scene>(1, s, cancel_delayed); });
  s.rig.run();
  CHECK(s.log.text == "queue+@50 s/0@2000000 e/0@2000100 cancel-@2000100");
  s.rig.end();
}
