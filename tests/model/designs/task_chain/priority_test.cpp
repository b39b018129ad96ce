// SPDX-License-Identifier: Apache-2.0
// Whose turn it is where chains wait for a thread, and what a thread of a chain's own is worth.
#include "tests/model/designs/task_chain/scene.h"

namespace iodrome::designs::task_chain {
namespace {

using chain::Continue;
using chain::Priority;
using chain::PriorityClass;

constexpr Priority kRt{PriorityClass::rt, 3};
constexpr Priority kIdle{PriorityClass::idle, 0};
constexpr Priority best(std::uint8_t level) {
  return {PriorityClass::best_effort, level};
}

ChainParams begun_by(Carrier carrier, Continue go_on = Continue::kthread) {
  ChainParams params = Scene::params_of(go_on);
  params.ring_entries = 16;
  params.threads = 1;
  params.start_in_submitter = false;
  params.start_by = carrier;
  return params;
}

struct Ordered : Scene {
  explicit Ordered(const ChainParams& as) : Scene(as) {
    rig.run();
    costs.walker.step.each = 100ns;
  }
  void add(Priority priority) { run({{}}).chain.priority = priority; }
  std::vector<std::uint32_t> order;  // in which they ended
};

Task<void> submit_and_note(Sleepable& ctx, Ordered& s) {
  const Never never;
  std::vector<ChainRun*> all;
  for (ChainRun& run : s.runs) all.push_back(&run);
  const Result<std::int64_t> accepted = co_await s.queue.submit(ctx, all);
  CHECK(accepted == static_cast<std::int64_t>(all.size()));
  while (s.order.size() < s.runs.size()) {
    const std::optional<ChainEvent> event = co_await s.queue.take(ctx);
    if (event)
      s.order.push_back(ChainRun::slot_of(event->user_data));
    else
      co_await s.queue.wait(ctx, never);
  }
}

std::vector<std::uint32_t> order_of(Ordered& s) {
  s.rig.thread<Ordered>(0, s, submit_and_note);
  s.rig.run();
  return s.order;
}

TEST_CASE("ranks order classes first and levels within them, and idle has none") {
  std::vector<std::uint8_t> ranks;
  for (const PriorityClass of : {PriorityClass::rt, PriorityClass::best_effort})
    for (std::uint8_t level = 0; level < chain::kPriorityLevels; ++level)
      ranks.push_back(Priority{of, level}.rank());
  ranks.push_back(kIdle.rank());
  for (std::size_t i = 0; i < ranks.size(); ++i) CHECK(ranks[i] == i);
  CHECK(Priority{PriorityClass::idle, 7}.rank() == kIdle.rank());
  CHECK(chain::Chain{}.priority == best(4));
}

TEST_CASE("a shared thread takes waiting chains by priority and equal ones in their order") {
  Ordered s(begun_by(Carrier::shared));
  // The first runs, or is on its way, when the others come.
  for (const Priority each : {kIdle, best(4), best(7), kRt, best(4), kIdle, best(0), kRt})
    s.add(each);
  CHECK(order_of(s) == std::vector<std::uint32_t>{3, 7, 6, 1, 4, 2, 0, 5});
}

TEST_CASE("chains of one priority keep their order whatever it is") {
  for (const Priority each : {kRt, best(4), kIdle}) {
    Ordered s(begun_by(Carrier::shared));
    for (int i = 0; i < 5; ++i) s.add(each);
    CHECK(order_of(s) == std::vector<std::uint32_t>{0, 1, 2, 3, 4});
  }
}

TEST_CASE("chains that go on overtake too, but nobody who runs") {
  ChainParams params = Scene::params_of(Continue::kthread);
  params.ring_entries = 16;
  params.threads = 1;
  Ordered s(params);
  const std::uint64_t ends[] = {1000, 1050, 1060, 1070};  // the first runs meanwhile
  const Priority priorities[] = {kIdle, best(5), best(4), kRt};
  for (std::size_t i = 0; i < 4; ++i) {
    ChainRun& run = s.run({{.op = chain::Op::timeout, .bytes = ends[i] - 100 * i}});
    run.chain.priority = priorities[i];
  }
  CHECK(order_of(s) == std::vector<std::uint32_t>{0, 3, 2, 1});
}

struct Seen {
  std::string worker;
  std::int64_t weight = 0;
};

// The kernel thread that carries the one chain.
Seen carrier_of(Carrier carrier, Priority priority) {
  Ordered s(begun_by(carrier));
  s.add(priority);
  Seen seen;
  s.rig.at(s.rig.now() + 50ns, [&] {
    for (std::size_t i = 0; i < 2; ++i) {
      const Thread* const now = s.rig.cpu(i).current();
      if (now == nullptr || now->cpu_class != events::CpuClass::kthread) continue;
      seen = {now->name, now->weight};
    }
  });
  order_of(s);
  CHECK(results(s.runs[0]) == Results{0});
  CHECK(s.carriers_rest());
  return seen;
}

TEST_CASE("a thread of a chain's own has a nice value by its priority") {
  for (int level = 0; level < 8; ++level) {
    const Seen seen = carrier_of(Carrier::own, best(static_cast<std::uint8_t>(level)));
    CHECK(seen.weight == kNiceWeights[static_cast<std::size_t>(5 * level)]);
  }
  CHECK(carrier_of(Carrier::own, kRt).weight == kNiceWeights.front());
  CHECK(carrier_of(Carrier::own, kIdle).weight == kNiceWeights.back());
  CHECK(carrier_of(Carrier::own, best(4)).weight == kNiceZeroWeight);
}

TEST_CASE("on workqueues the class rt has workers of nice -20, bound or not, and no other has") {
  for (const Priority each : {best(0), best(4), best(7), kIdle}) {
    CHECK(carrier_of(Carrier::workqueue, each).weight == kNiceZeroWeight);
    CHECK(carrier_of(Carrier::unbound, each).weight == kNiceZeroWeight);
    CHECK(carrier_of(Carrier::highpri, each).weight == kNiceWeights.front());
  }
  const Seen bound = carrier_of(Carrier::workqueue, kRt);
  CHECK(bound.weight == kNiceWeights.front());
  CHECK(bound.worker.ends_with('H'));
  const Seen unbound = carrier_of(Carrier::unbound, kRt);
  CHECK(unbound.weight == kNiceWeights.front());
  CHECK(unbound.worker.starts_with("kworker/u"));
}

}  // namespace
}  // namespace iodrome::designs::task_chain
