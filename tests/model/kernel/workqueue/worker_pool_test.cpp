// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/workqueue/worker_pool.h"

#include "tests/model/kernel/fail_allocation.h"
#include "tests/model/kernel/workqueue/scene.h"

using namespace iodrome;
using namespace iodrome::kernel;
using wq::Pools;
using wq::Scene;

TEST_CASE("a manager whose worker cannot be made tries again after the cooldown") {
  Scene s(1);
  FailAllocation fail(1, "worker");
  s.rig.timeline.choices().ask(&fail);
  Pools pools(s.rig.system);
  wq::Workqueue queue(pools, "q", {});
  Scene::Item& item = s.item(queue);
  s.queue_all_at(1us, 0);
  s.rig.run();
  CHECK(fail.asked() == 2);
  CHECK(item.ended == 1);
  // Before it sleeps, a jiffy and the granularity of a timeout so long.
  CHECK(item.ended_at == 1024ms + 100ns);
  s.rig.end();
}

TEST_CASE("a rescuer carries out its queue's items while no worker can be made, and no others") {
  struct Scarce final : ChoiceOracle {
    std::uint32_t choose(Choice kind, std::uint32_t, const char*) override {
      return kind == Choice::allocation && ++asked <= 3 ? 1 : 0;
    }
    int asked = 0;
  } scarce;
  Scene s(1);
  s.rig.timeline.choices().ask(&scarce);
  Pools pools(s.rig.system);
  wq::WorkqueueFlags flags;
  flags.mem_reclaim = true;
  wq::Workqueue reclaim(pools, "reclaim", flags, 1);
  wq::Workqueue other(pools, "other", {});
  s.item(other);
  s.item(reclaim);
  s.item(reclaim);  // held back until the one before it has ended
  s.queue_all_at(1us, 0);
  s.rig.run();
  CHECK(s.log.text ==
        "s2/0@11000000 e2/0@11000100 s3/0@11000100 e3/0@11000200 s1/0@3072000000 e1/0@3072000100");
  s.rig.end();
}

TEST_CASE("idle workers beyond what is needed end after the idle timeout") {
  Scene s(1);
  wq::PoolParams params;
  params.idle_timeout = 1ms;
  Pools pools(s.rig.system, params);
  wq::Workqueue queue(pools, "q", {});
  for (int i = 0; i < 6; ++i) s.item(queue, 10us);
  s.queue_all_at(1us, 0);
  std::size_t most = 0;
  s.rig.at(500us, [&] { most = pools.bound(0, false).workers(); });
  s.rig.run();
  CHECK(most == 7);
  CHECK(pools.bound(0, false).workers() == 2);
  CHECK(s.rig.now() == 3ms);
  // And the pool works on.
  s.queue_all_at(4ms, 0);
  s.rig.run();
  for (const auto& each : s.items) CHECK(each->ended == 2);
  s.rig.end();
}

TEST_CASE("the idle timeout of a worker begins when it last had work, and the oldest end first") {
  Scene s(1);
  wq::PoolParams params;
  params.idle_timeout = 10ms;
  Pools pools(s.rig.system, params);
  wq::WorkerPool& pool = pools.bound(0, false);
  wq::Workqueue queue(pools, "q", {});
  for (int i = 0; i < 6; ++i) s.item(queue, 10us);
  s.queue_all_at(1us, 0);
  // At 9 ms three items sleep: four of the seven workers are used again.
  s.rig.at(8ms, [&] {
    for (std::size_t i = 3; i < 6; ++i) s.items[i]->sleep = Duration{0};
  });
  s.queue_all_at(9ms, 0);
  std::size_t left[3] = {};
  s.rig.at(10ms, [&] { left[0] = pool.workers(); });
  s.rig.at(13ms, [&] { left[1] = pool.workers(); });
  s.rig.at(25ms, [&] { left[2] = pool.workers(); });
  s.rig.run();
  CHECK(left[0] == 7);
  CHECK(left[1] == 4);
  CHECK(left[2] == 2);
  s.rig.end();
}
