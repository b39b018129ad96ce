// SPDX-License-Identifier: Apache-2.0
// Runs that end early: what was queued for threads and never taken is freed once.
#include "model/designs/task_chain/owned.h"

#include "tests/model/designs/task_chain/scene.h"

namespace iodrome::designs::task_chain {

TEST_CASE("a list frees what nobody has taken, once, and nothing else") {
  struct Counted final : Owned {
    explicit Counted(int& live) : count(live) { ++count; }
    ~Counted() override { --count; }
    int& count;
  };
  int live = 0;
  {
    OwnedList list;
    for (int i = 0; i < 3; ++i) list.add(new Counted(live));
    delete &list.add(new Counted(live));  // as whoever takes it does
    CHECK(list.size() == 3);
    CHECK(live == 3);
  }
  CHECK(live == 0);
}

TEST_CASE("chains that no thread has when a run stops are their carriers' to free") {
  for (const Carrier carrier : {Carrier::own, Carrier::workqueue, Carrier::unbound}) {
    CAPTURE(static_cast<int>(carrier));
    ChainParams params = Scene::params_of(chain::Continue::cheapest);
    params.start_in_submitter = false;
    params.start_by = carrier;
    Scene s(params);
    s.rig.system.costs.thread_create.each = 1ms;
    s.rig.system.costs.worker_pick.each = 1ms;
    for (int i = 0; i < 3; ++i) s.run({{.op = chain::Op::nop}});
    std::size_t waiting = 0;
    s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& it) -> Task<void> {
      std::vector<ChainRun*> all;
      for (ChainRun& run : it.runs) all.push_back(&run);
      const Result<std::int64_t> accepted = co_await it.queue.submit(ctx, all);
      CHECK(accepted == 3);
    });
    // A monitor that throws stops the run there.
    s.rig.at(100us, [&] {
      waiting = s.engine.carriers.waiting();
      throw std::runtime_error("a monitor");
    });
    CHECK_THROWS_WITH(s.rig.timeline.run(), "a monitor");
    CHECK(waiting == 3);
    CHECK(s.engine.carriers.waiting() == 3);
    s.rig.end();
  }
  // A thread that has taken its branch has freed the item.
  Scene s(chain::Continue::kthread_per_request);
  s.run({open_step(s.path), read_step(0, 0, 512), close_step(0)});
  play_all(s);
  CHECK(s.engine.carriers.waiting() == 0);
}

}  // namespace iodrome::designs::task_chain
