// SPDX-License-Identifier: Apache-2.0
// The threads that carry chains: what each kind costs, where it runs, and that none is left over.
#include "model/designs/task_chain/carriers.h"

#include "model/explore/random_walk.h"
#include "tests/model/designs/task_chain/scene.h"
#include "tests/model/kernel/fail_allocation.h"

namespace iodrome::designs::task_chain {
namespace {

using chain::Continue;
using events::CpuClass;

struct Costly : Scene {
  explicit Costly(const ChainParams& as) : Scene(as) {
    KernelCosts& of = rig.system.costs;
    of.context_switch.each = 7ns;
    of.try_to_wake_up.each = 11ns;
    of.queue_work.each = 13ns;
    of.worker_pick.each = 17ns;
    of.spin_lock.each = 1ns;
    of.thread_create.each = 500ns;
    of.thread_exit.each = 300ns;
    rig.run();  // until all threads that there are sleep
  }
  explicit Costly(Continue policy) : Costly(params_of(policy)) {}
};

ChainParams begun_by(Carrier carrier, Continue go_on = Continue::cheapest) {
  ChainParams params = Scene::params_of(go_on);
  params.start_in_submitter = false;
  params.start_by = carrier;
  return params;
}

Task<void> submit_last(Sleepable& ctx, Scene& s) {
  const Never never;
  ChainRun* const last = &s.runs.back();
  co_await s.queue.submit(ctx, {&last, 1});
  co_await s.queue.wait(ctx, never);
  const std::optional<ChainEvent> event = co_await s.queue.take(ctx);
  REQUIRE(event);
}

// From its submission until its entry is posted: one wait for the device, and what follows.
Duration latency(Scene& s) {
  ChainRun& run = s.run({open_step(s.path), read_step(0, 0, 512), stat_step(0), close_step(0)});
  s.rig.thread<Scene>(0, s, submit_last);
  s.rig.run();
  CHECK(results(run) == Results{0, 512, 100'000, 0});
  CHECK(s.carriers_rest());
  Duration sum = run.ledger.close(s.rig.timeline.now());
  return sum - run.ledger.totals()[static_cast<std::size_t>(events::Stage::reap)];
}
Duration latency(Continue policy) {
  Costly s(policy);
  return latency(s);
}

Duration in_threads(Scene& s, std::size_t cpu) {
  return s.rig.spent(cpu, CpuClass::kthread);
}

TEST_CASE("a hand-over costs a wake-up, a worker's pick, or kthreadd's work and another switch") {
  const Duration cheapest = latency(Continue::cheapest);
  CHECK(latency(Continue::softirq) == cheapest);
  const Duration shared = cheapest + 13ns + 11ns + 7ns + 17ns;
  CHECK(latency(Continue::kthread) == shared);
  CHECK(latency(Continue::hardirq) == shared);
  CHECK(latency(Continue::kthread_per_request) == cheapest + 1ns + 11ns + 7ns + 500ns + 7ns);
}

TEST_CASE(
    "a workqueue's first item also makes the next worker, later ones cost what the pool's do") {
  const Duration shared = latency(Continue::kthread);
  for (const Continue policy :
       {Continue::workqueue, Continue::workqueue_unbound, Continue::workqueue_highpri}) {
    Costly s(policy);
    CHECK(latency(s) == shared + 500ns);
    CHECK(latency(s) == shared);
    CHECK(s.rig.system.costs.thread_create.count == 1);
  }
}

TEST_CASE("bound workers run on the interrupted CPU, the unbound where the scheduler puts them") {
  struct Row {
    Continue policy;
    std::size_t cpu;
    const char* worker;
    std::int64_t weight;  // of nice 0 and -20
  };
  for (const Row& row : {Row{Continue::workqueue, 1, "kworker/1:0", 1024},
                         Row{Continue::workqueue_unbound, 0, "kworker/u:0", 1024},
                         Row{Continue::workqueue_highpri, 1, "kworker/1:0H", 88'761}}) {
    Scene s(row.policy);
    s.costs.walker.step.each = 100ns;
    std::string worker;
    std::int64_t weight = 0;
    s.rig.at(1'350ns, [&] {  // two steps of the submitter's, and the device, are over
      const Thread* const now = s.rig.cpu(row.cpu).current();
      if (now == nullptr) return;
      worker = now->name;
      weight = now->weight;
    });
    latency(s);
    CHECK(worker == row.worker);
    CHECK(weight == row.weight);
    CHECK(in_threads(s, row.cpu) == 300ns);
    CHECK(in_threads(s, 1 - row.cpu) == 0ns);
  }
}

TEST_CASE("a chain gets one thread of its own, which sleeps for it and ends with it") {
  Costly s(Continue::kthread_per_request);
  ChainRun& run = s.run({open_step(s.path), read_step(0, 0, 512), read_step(0, 512, 512),
                         read_step(0, 1024, 512), close_step(0)});
  s.costs.walker.hand_over.each = 5ns;
  play_all(s);
  CHECK(results(run) == Results{0, 512, 512, 512, 0});
  KernelCosts& costs = s.rig.system.costs;
  CHECK(s.costs.walker.hand_over.count == 1);
  CHECK(costs.thread_create.count == 1);
  CHECK(costs.thread_exit.count == 1);
  // Of kthreadd, of the thread after each of two reads, of the application.
  CHECK(costs.try_to_wake_up.count == 4);
  const Duration all = run.ledger.close(s.rig.timeline.now());
  Duration sum{};
  for (const Duration part : run.ledger.totals()) sum += part;
  CHECK(sum == all);
  CHECK(run.ledger.totals()[static_cast<std::size_t>(events::Stage::device)] == 3us);
}

TEST_CASE("a chain that begins in a thread of its own stays there, whoever else would go on") {
  for (const Continue policy : kPolicies) {
    Scene s(begun_by(Carrier::own, policy));
    s.costs.walker.step.each = 100ns;
    ChainRun& run = s.run({open_step(s.path), read_step(0, 0, 512), stat_step(0), close_step(0)});
    play_all(s);
    CHECK(results(run) == Results{0, 512, 100'000, 0});
    CHECK(s.rig.system.costs.thread_exit.count == 1);
    // Four steps, and the read is looked at again when it has come.
    CHECK(in_threads(s, 0) + in_threads(s, 1) == 500ns);
  }
}

TEST_CASE("a chain begins in the threads that are asked for") {
  for (const Carrier carrier : {Carrier::workqueue, Carrier::unbound, Carrier::highpri}) {
    Costly s(begun_by(carrier));
    latency(s);
    CHECK(s.rig.system.costs.worker_pick.count == 1);
    CHECK(s.rig.system.costs.thread_create.count == 1);  // the next worker
    CHECK(s.rig.system.costs.thread_exit.count == 0);
  }
}

TEST_CASE("a chain that had to wait for others begins in a thread of the kind that goes on") {
  Scene s(Continue::kthread_per_request);
  s.run({{.op = chain::Op::timeout, .bytes = 100}});
  s.run({{}}).chain.drain = true;
  play_all(s);
  CHECK(s.rig.system.costs.thread_exit.count == 2);
  CHECK(s.rig.system.costs.worker_pick.count == 0);
}

TEST_CASE("branches of a graph that wait beside each other get a thread each") {
  for (const bool begins_there : {false, true}) {
    const Continue own = Continue::kthread_per_request;
    Scene s(begins_there ? begun_by(Carrier::own, own) : Scene::params_of(own));
    ChainRun& run = s.run({open_step(s.path), read_step(0, 0, 512), read_step(0, 512, 512),
                           read_step(0, 1024, 512), close_step(0)});
    run.chain.graph = true;
    for (std::size_t i = 1; i <= 3; ++i) run.chain.steps[i].after = 0b1;
    run.chain.steps[4].after = 0b1110;
    for (std::size_t i = 1; i <= 3; ++i) run.chain.steps[i].memory = i * 4096;
    play_all(s);
    CHECK(results(run) == Results{0, 512, 512, 512, 0});
    CHECK(s.disk.in_flight_most == 3);
    CHECK(s.rig.system.costs.thread_create.count == 3);
    CHECK(s.rig.system.costs.thread_exit.count == 3);
  }
}

TEST_CASE("where no thread can be made a chain goes on in a shared one, and does not block there") {
  Scene s(Continue::kthread_per_request);
  FailAllocation oracle(1, "kthread");
  s.rig.timeline.choices().ask(&oracle);
  ChainRun& run = s.run({open_step(s.path), read_step(0, 0, 512), read_step(0, 512, 512)});
  play_all(s);
  s.rig.timeline.choices().ask(nullptr);
  CHECK(oracle.failed());
  CHECK(results(run) == Results{0, 512, 512});
  KernelCosts& costs = s.rig.system.costs;
  CHECK(costs.worker_pick.count == 1);
  // It was asked again when the second read came, and made one.
  CHECK(costs.thread_create.count == 2);
  CHECK(costs.thread_exit.count == 1);
}

// --- cancelled and left
// ---------------------------------------------------------------------------

struct Left : Scene {
  using Scene::Scene;
  bool exits = false;
};

Task<void> leave(Sleepable& ctx, Left& s) {
  co_await sleep_until(s.rig.timeline, SimTime{} + 300ns);
  if (s.exits) co_return co_await s.queue.exit(ctx);
  co_await s.queue.cancel(ctx, std::nullopt);
}

TEST_CASE(
    "who sleeps in a thread of its own is cancelled, or left by its process, there and then") {
  for (const bool exits : {false, true}) {
    Left s(Continue::kthread_per_request);
    s.exits = exits;
    const chain::Step soon{.op = chain::Op::timeout, .bytes = 100};
    const chain::Step late{.op = chain::Op::timeout, .bytes = 50'000};
    ChainRun& run = s.run({soon, late, {}, {.clean_up = true}});
    s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
      const Never never;
      ChainRun* const one = &scene.runs[0];
      co_await scene.queue.submit(ctx, {&one, 1});
      co_await scene.queue.wait(ctx, never);
      co_await scene.queue.take(ctx);
    });
    s.rig.thread<Left>(1, s, leave);
    s.rig.run();
    const std::int64_t cancelled = error(Errno::ecanceled);
    CHECK(results(run) == Results{0, cancelled, cancelled, 0});
    CHECK(s.rig.now() == 300ns);
    CHECK(s.carriers_rest());
    CHECK(s.rig.system.costs.thread_exit.count == 1);
  }
}

// What is not a thread is there.
class NoThreads final : public ChoiceOracle {
 public:
  explicit NoThreads(std::uint64_t seed) : walk_(seed) {}
  std::uint32_t choose(Choice kind, std::uint32_t options, const char* site) override {
    const std::string_view of = site;
    const bool thread = of == "kthread" || of == "worker";
    return kind == Choice::allocation && !thread ? 0 : walk_.choose(kind, options, site);
  }

 private:
  explore::RandomWalk walk_;
};

Task<void> submit_all(Sleepable& ctx, Left& s) {
  const Never never;
  std::vector<ChainRun*> all;
  for (ChainRun& run : s.runs) all.push_back(&run);
  const Result<std::int64_t> accepted = co_await s.queue.submit(ctx, all);
  for (std::int64_t left = accepted.value_or(0); left > 0 && !s.exits;) {
    const std::optional<ChainEvent> event = co_await s.queue.take(ctx);
    if (event)
      --left;
    else
      co_await s.queue.wait(ctx, never);
  }
}

TEST_CASE("on no schedule, nor where threads cannot be made, is a chain left in any of them") {
  for (const Continue policy : kPolicies)
    for (const bool begins : {false, true})
      for (std::uint64_t seed = 0; seed < 60; ++seed) {
        CAPTURE(static_cast<int>(policy), begins, seed);
        Left s(begins ? begun_by(carrier_of(policy), policy) : Scene::params_of(policy));
        s.exits = seed % 3 == 0;
        s.costs.walker.step.each = 40ns;
        const chain::Step pause{.op = chain::Op::timeout, .bytes = 90};
        for (int i = 0; i < 3; ++i)
          s.run({pause, open_step(s.path), read_step(1, 0, 4096), pause, close_step(1)}).direct =
              i == 0;
        NoThreads oracle(seed);
        s.rig.timeline.choices().ask(&oracle);
        const Thread& user = s.rig.thread<Left>(0, s, submit_all);
        const Thread& leaver = s.rig.thread<Left>(1, s, leave);
        s.rig.run();
        s.rig.timeline.choices().ask(nullptr);
        CHECK(user.state == Thread::State::dead);
        CHECK(leaver.state == Thread::State::dead);
        CHECK(s.queue.slots_free() == 4);
        CHECK(s.carriers_rest());
      }
}

}  // namespace
}  // namespace iodrome::designs::task_chain
