// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/workqueue/workqueue.h"

#include "model/explore/random_walk.h"
#include "tests/model/kernel/workqueue/scene.h"

using namespace iodrome;
using namespace iodrome::kernel;
using wq::Pools;
using wq::Scene;

namespace {

// A thread that does something with an item or its queue, and notes when and with what end.
struct Caller {
  Scene& scene;
  wq::Workqueue& queue;
  std::size_t item = 0;
  std::string end{};
  Duration at{};

  void ended(bool with, Sleepable& ctx) {
    end = with ? "true" : "false";
    at = ctx.now().time_since_epoch();
  }
};

Task<void> flush_item(Sleepable& ctx, Caller& c) {
  co_await ctx.spend(c.scene.work);
  const bool end = co_await wq::flush_work(ctx, *c.scene.items[c.item]);
  c.ended(end, ctx);
}

Task<void> cancel_item(Sleepable& ctx, Caller& c) {
  co_await ctx.spend(c.scene.work);
  const bool end = co_await wq::cancel_work_sync(ctx, *c.scene.items[c.item]);
  c.ended(end, ctx);
}

Task<void> flush_queue(Sleepable& ctx, Caller& c) {
  co_await ctx.spend(c.scene.work);
  co_await c.queue.flush(ctx);
  c.ended(true, ctx);
}

Task<void> drain_queue(Sleepable& ctx, Caller& c) {
  co_await ctx.spend(c.scene.work);
  co_await c.queue.drain(ctx);
  c.ended(true, ctx);
}

}  // namespace

TEST_CASE("items that do not sleep share one worker of their CPU, in the order of queueing") {
  Scene s(2);
  Pools pools(s.rig.system);
  wq::Workqueue a(pools, "a", {});
  wq::Workqueue b(pools, "b", {});
  s.item(a);
  s.item(b);
  s.item(a);
  s.queue_all_at(1us, 1);
  s.rig.run();
  CHECK(s.log.text == "s1/1@1000 e1/1@1100 s2/1@1100 e2/1@1200 s3/1@1200 e3/1@1300");
  CHECK(s.most == 1);
  // The first worker made the second before it began.
  CHECK(pools.bound(1, false).workers() == 2);
  CHECK(pools.bound(0, false).workers() == 1);
  s.rig.end();
}

TEST_CASE("a worker that sleeps over an item is replaced, and only one of a pool runs") {
  Scene s(1);
  Pools pools(s.rig.system);
  wq::Workqueue queue(pools, "q", {});
  s.item(queue, 1us);
  s.item(queue, 1us);
  s.item(queue);
  s.queue_all_at(1us, 0);
  s.rig.run(10us);
  CHECK(s.log.text == "s1/0@1000 s2/0@1100 s3/0@1200 e3/0@1300 e1/0@2200 e2/0@2300");
  CHECK(s.most == 3);
  CHECK(pools.bound(0, false).running() == 0);
  CHECK(pools.bound(0, false).backlog() == 0);
  CHECK(pools.bound(0, false).idle_workers() == pools.bound(0, false).workers());
  // Now there are idle workers to wake.
  s.log.text.clear();
  const Duration again = s.rig.now() + 1us;
  s.queue_all_at(again, 0);
  s.rig.run();
  const auto at = [&](int ns) { return "@" + std::to_string(again / 1ns + ns); };
  CHECK(s.log.text == "s1/0" + at(0) + " s2/0" + at(100) + " s3/0" + at(200) + " e3/0" + at(300) +
                          " e1/0" + at(1200) + " e2/0" + at(1300));
  s.rig.end();
}

TEST_CASE("an item of a CPU-intensive queue does not keep the others of its CPU waiting") {
  for (const bool intensive : {false, true}) {
    Scene s(1);
    s.rig.tick_every(10ns);
    s.rig.system.scheduler.preemption = Preemption::full;
    Pools pools(s.rig.system);
    wq::WorkqueueFlags flags;
    flags.cpu_intensive = intensive;
    wq::Workqueue first(pools, "first", flags);
    wq::Workqueue second(pools, "second", {});
    s.item(first);
    s.item(second);
    s.queue_all_at(1us, 0);
    s.rig.run();
    CAPTURE(s.log.text);
    CHECK(s.most == (intensive ? 2 : 1));
    s.most = 0;  // once more, with workers that are there
    s.queue_all_at(s.rig.now() + 1us, 0);
    s.rig.run();
    CHECK(s.most == (intensive ? 2 : 1));
    s.rig.end();
  }
}

TEST_CASE("max_active holds items back until earlier ones of the queue have ended") {
  Scene s(1);
  Pools pools(s.rig.system);
  wq::Workqueue queue(pools, "q", {}, 2);
  for (int i = 0; i < 4; ++i) s.item(queue, 1us);
  s.queue_all_at(1us, 0);
  s.rig.run();
  CHECK(s.most == 2);
  CHECK(s.log.text ==
        "s1/0@1000 s2/0@1100 e1/0@2200 s3/0@2200 e2/0@2400 s4/0@2400 e3/0@3400 e4/0@3600");
  s.rig.end();
}

TEST_CASE("an item that is pending is not queued again") {
  Scene s(1);
  Pools pools(s.rig.system);
  wq::Workqueue queue(pools, "q", {});
  Scene::Item& item = s.item(queue);
  s.queue_all_at(1us, 0);
  s.queue_all_at(1us, 0);
  s.rig.run();
  CHECK(item.accepted == 1);
  CHECK(item.ended == 1);
  s.rig.end();
}

TEST_CASE("an item that is queued while it runs follows on the same worker, from any CPU") {
  Scene s(2);
  Pools pools(s.rig.system);
  wq::Workqueue queue(pools, "q", {});
  Scene::Item& item = s.item(queue, 1us);
  s.queue_all_at(1us, 0);
  s.queue_all_at(1500ns, 1);
  s.rig.run();
  // An idle worker takes it at once, and hands it to the one that runs it.
  CHECK(s.log.text == "s1/0@1000 e1/0@2200 s1/0@2200 e1/0@3400");
  CHECK(item.accepted == 2);
  s.rig.end();
}

TEST_CASE("an ordered queue runs one item at a time in the order of queueing, on any CPU") {
  Scene s(2);
  Pools pools(s.rig.system);
  wq::WorkqueueFlags flags;
  flags.ordered = true;
  wq::Workqueue ordered(pools, "o", flags);
  for (int i = 0; i < 3; ++i) s.item(ordered, 1us);
  s.items[0]->requeues = 1;
  s.queue_all_at(1us, 0);
  s.rig.run();
  CHECK(s.most == 1);
  std::string order;
  for (std::size_t i = 0; i + 1 < s.log.text.size(); ++i)
    if (s.log.text[i] == 's') order += s.log.text[i + 1];
  CHECK(order == "1231");
  s.rig.end();
}

TEST_CASE("items of an unbound queue run on several CPUs at a time, without sleeping") {
  Scene s(3);
  Pools pools(s.rig.system);
  wq::WorkqueueFlags flags;
  flags.unbound = true;
  wq::Workqueue queue(pools, "u", flags);
  for (int i = 0; i < 3; ++i) s.item(queue);
  s.queue_all_at(1us, 0);
  s.rig.run();
  CHECK(s.most == 3);
  CHECK(s.log.text.find("/0@") != std::string::npos);
  CHECK(s.log.text.find("/1@") != std::string::npos);
  CHECK(s.log.text.find("/2@") != std::string::npos);
  s.most = 0;  // once more, with workers that are there
  s.queue_all_at(s.rig.now() + 1us, 0);
  s.rig.run();
  CHECK(s.most == 3);
  s.rig.end();
}

TEST_CASE("items of a high-priority queue have workers of their own, of nice -20") {
  Scene s(1);
  s.rig.tick_every(10ns);
  s.rig.system.scheduler.preemption = Preemption::full;
  Pools pools(s.rig.system);
  wq::WorkqueueFlags flags;
  flags.highpri = true;
  wq::Workqueue normal(pools, "n", {});
  wq::Workqueue high(pools, "h", flags);
  s.work.each = 10us;
  s.item(normal);
  s.item(high);
  s.queue_all_at(1us, 0);
  s.rig.run();
  // The normal one gets 1024 parts in 89785 meanwhile.
  CHECK(s.most == 2);
  CHECK(s.log.text.find("e2") < s.log.text.find("e1"));
  s.rig.end();
}

TEST_CASE("flush_work waits for the run that is pending or in progress, not for later ones") {
  Scene s(2);
  Pools pools(s.rig.system);
  wq::Workqueue queue(pools, "q", {});
  Caller caller{s, queue};
  Scene::Item& item = s.item(queue, 1us);
  s.queue_all_at(50ns, 0);   // the run that the flush finds
  s.queue_all_at(500ns, 0);  // comes after it
  s.rig.thread<Caller>(1, caller, flush_item);
  s.rig.run();
  CHECK(caller.end == "true");
  CHECK(caller.at == 1250ns);
  CHECK(item.ended == 2);
  s.rig.end();
}

TEST_CASE("flush_work of an item that is neither pending nor running returns false at once") {
  Scene s(1);
  Pools pools(s.rig.system);
  wq::Workqueue queue(pools, "q", {});
  Caller caller{s, queue};
  s.item(queue);
  s.rig.thread<Caller>(0, caller, flush_item);
  s.rig.run();
  CHECK(caller.end == "false");
  CHECK(caller.at == 100ns);
  s.rig.end();
}

TEST_CASE("cancel_work_sync takes a pending item back, and what max_active held back goes on") {
  Scene s(2);
  Pools pools(s.rig.system);
  wq::Workqueue other(pools, "other", {});
  wq::Workqueue queue(pools, "q", {}, 1);
  Caller caller{s, queue};
  s.item(other);  // has the CPU until after the cancellation
  Scene::Item& cancelled = s.item(queue);
  Scene::Item& held_back = s.item(queue);
  caller.item = 1;
  s.queue_all_at(90ns, 0);
  s.rig.thread<Caller>(1, caller, cancel_item);
  s.rig.run();
  CHECK(caller.end == "true");
  CHECK(caller.at == 100ns);
  CHECK(cancelled.ended == 0);
  CHECK(held_back.ended == 1);
  CHECK(queue.empty());
  s.rig.end();
}

TEST_CASE("cancel_work_sync waits for the run in progress, and the item does not queue itself") {
  Scene s(2);
  Pools pools(s.rig.system);
  wq::Workqueue queue(pools, "q", {});
  Caller caller{s, queue};
  Scene::Item& item = s.item(queue, 1us);
  item.requeues = 1;
  s.queue_all_at(50ns, 0);  // asks to be queued again at 150 ns, after the cancellation has begun
  s.rig.thread<Caller>(1, caller, cancel_item);
  s.rig.run();
  CHECK(caller.end == "false");
  CHECK(caller.at == 1250ns);
  CHECK(item.ended == 1);
  CHECK(item.accepted == 1);
  s.rig.end();
}

TEST_CASE("flush_workqueue waits for what was queued before it and for nothing later") {
  Scene s(2);
  Pools pools(s.rig.system);
  wq::Workqueue queue(pools, "q", {});
  Caller caller{s, queue};
  s.item(queue, 1us);
  s.item(queue, 2us);
  s.queue_all_at(50ns, 0);
  s.queue_all_at(500ns, 0);
  s.rig.thread<Caller>(1, caller, flush_queue);
  s.rig.run();
  CHECK(caller.at == 2350ns);
  CHECK(s.rig.now() > 4us);
  CHECK(queue.empty());
  s.rig.end();
}

TEST_CASE("a queue that drains takes items from its own items alone") {
  Scene s(2);
  Pools pools(s.rig.system);
  wq::Workqueue queue(pools, "q", {});
  Caller caller{s, queue};
  Scene::Item& item = s.item(queue, 1us);
  item.requeues = 2;
  s.queue_all_at(50ns, 0);
  s.rig.thread<Caller>(1, caller, drain_queue);
  s.rig.at(60ns, [&] { s.item(queue); });
  s.queue_all_at(600ns, 1);  // refused: the first is pending, the second nobody's
  s.rig.run();
  CHECK(item.ended == 3);
  CHECK(s.items[1]->accepted == 0);
  CHECK(caller.at == 50ns + 3 * 1200ns);
  s.rig.end();
}

TEST_CASE("however things fall, each item ends once per queueing and never runs twice at a time") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    Scene s(2);
    s.rig.tick_every(30ns);
    s.rig.system.costs.queue_work.each = 3ns;
    s.rig.system.costs.worker_pick.each = 5ns;
    s.rig.system.costs.try_to_wake_up.each = 4ns;
    s.rig.system.costs.thread_create.each = 50ns;
    explore::RandomWalk walk(seed);
    s.rig.timeline.choices().ask(&walk);
    wq::PoolParams params;
    params.idle_timeout = 1us;
    params.create_cooldown = 200ns;
    params.mayday_initial = 30ns;
    params.mayday_interval = 60ns;
    wq::WorkqueueFlags reclaim;
    reclaim.mem_reclaim = true;
    Pools pools(s.rig.system, params);
    wq::WorkqueueFlags unbound;
    unbound.unbound = true;
    wq::WorkqueueFlags intensive;
    intensive.cpu_intensive = true;
    wq::WorkqueueFlags ordered;
    ordered.ordered = true;
    wq::Workqueue queues[] = {{pools, "a", reclaim, 2},
                              {pools, "b", intensive},
                              {pools, "c", unbound, 2},
                              {pools, "d", ordered}};
    for (int i = 0; i < 12; ++i) {
      Scene::Item& item = s.item(queues[i % 4], i % 3 == 0 ? Duration{0} : Duration{i * 20ns});
      item.requeues = i % 2;
    }
    for (int i = 0; i < 6; ++i) s.queue_all_at(100ns * (i + 1), i % 2);
    Caller flushes{s, queues[1]};
    Caller drains{s, queues[2]};
    Caller cancels{s, queues[0]};
    s.rig.thread<Caller>(0, flushes, flush_queue);
    s.rig.thread<Caller>(1, drains, drain_queue);
    s.rig.thread<Caller>(1, cancels, cancel_item);
    s.rig.run();
    int taken_back = cancels.end == "true" ? 1 : 0;
    for (const auto& each : s.items) {
      CAPTURE(each->id);
      CHECK(each->ended == each->accepted - std::exchange(taken_back, 0));
      CHECK_FALSE(each->pending());
      CHECK_FALSE(each->running());
    }
    for (const wq::Workqueue& queue : queues) CHECK(queue.empty());
    for (std::uint32_t cpu = 0; cpu < 2; ++cpu) {
      CHECK(pools.bound(cpu, false).running() == 0);
      CHECK(pools.bound(cpu, false).backlog() == 0);
    }
    CHECK(pools.unbound(false).backlog() == 0);
    for (const Caller* each : {&flushes, &drains, &cancels}) CHECK_FALSE(each->end.empty());
    s.rig.end();
  }
}
