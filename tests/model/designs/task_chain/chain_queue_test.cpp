// SPDX-License-Identifier: Apache-2.0
#include "tests/model/designs/task_chain/scene.h"

namespace iodrome::designs::task_chain {

TEST_CASE("an operand of a later step is EINVAL before anything has run") {
  Scene s;
  s.run({open_step(s.path), read_step(0, 0, 512), close_step(0)});
  s.run({read_step(1, 0, 512), open_step(s.path), close_step(1)});
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    std::vector<ChainRun*> both = {&scene.runs[0], &scene.runs[1]};
    const Result<std::int64_t> refused = co_await scene.queue.submit(ctx, both);
    CHECK(refused == fail(Errno::einval));
    CHECK(scene.queue.slots_free() == 4);
  });
  s.rig.run();
  CHECK(s.disk.issued.empty());
  CHECK(s.runs[0].current == 0);
}

TEST_CASE("chains that cannot mean anything are EINVAL") {
  Scene s;
  s.run({});
  s.run({open_step(s.path), stat_step(0), stat_step(1)});  // the result of a stat is no file
  s.run({open_step(s.path), stat_step(5)});
  s.run({{.op = chain::Op::open}});
  s.run({open_step(s.path), close_step(1)});
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    for (ChainRun& run : scene.runs) {
      ChainRun* const one = &run;
      const Result<std::int64_t> refused = co_await scene.queue.submit(ctx, {&one, 1});
      CHECK(refused == fail(Errno::einval));
    }
  });
  s.rig.run();
}

TEST_CASE("chains beyond the ring's slots are left with their owner: the count, then EAGAIN") {
  Scene s;
  for (int i = 0; i < 6; ++i) s.run({open_step(s.path), read_step(0, 0, 512), close_step(0)});
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    std::vector<ChainRun*> all;
    for (ChainRun& run : scene.runs) all.push_back(&run);
    const Result<std::int64_t> accepted = co_await scene.queue.submit(ctx, all);
    CHECK(accepted == 4);
    const auto rest = std::span<ChainRun* const>(all).subspan(4);
    const Result<std::int64_t> refused = co_await scene.queue.submit(ctx, rest);
    CHECK(refused == fail(Errno::eagain));
    const Never never;
    co_await scene.queue.wait(ctx, never);
    const std::optional<ChainEvent> event = co_await scene.queue.take(ctx);
    CHECK(event);
    const Result<std::int64_t> one = co_await scene.queue.submit(ctx, rest);
    CHECK(one == 1);
  });
  s.rig.run();
}

TEST_CASE("an error cancels what is behind it, but the file is closed and the event says why") {
  for (const chain::Continue policy : kPolicies) {
    Scene s(policy);
    const ChainRun& read = s.run(
        {open_step(s.path), read_step(0, 100, 512), stat_step(0), close_step(0), stat_step(0)});
    const ChainRun& open = s.run({open_step(s.missing), stat_step(0), close_step(0)});
    const ChainRun& device = s.run({open_step(s.path), read_step(0, 512, 512), close_step(0)});
    s.disk.broken = {(*s.files.lookup(s.path))->first_sector + 1};
    play_all(s);
    const auto cancelled = error(Errno::ecanceled);
    CHECK(results(read) == Results{0, error(Errno::einval), cancelled, 0, cancelled});
    CHECK(results(open) == Results{error(Errno::enoent), cancelled, cancelled});
    CHECK(results(device) == Results{0, error(Errno::eio), 0});
  }
}

TEST_CASE("a device that ends a read before its submission returns may say EIO") {
  Scene s;
  s.disk.at_once = true;
  const ChainRun& run = s.run({open_step(s.path), read_step(0, 512, 512), close_step(0)});
  s.disk.broken = {(*s.files.lookup(s.path))->first_sector + 1};
  play_all(s);
  CHECK(results(run) == Results{0, error(Errno::eio), 0});
}

TEST_CASE("a chain goes on in the interrupt, a softirq, a thread or the workqueue, as asked") {
  using chain::Continue;
  using events::CpuClass;
  for (const chain::Continue policy : kPolicies) {
    Scene s(policy);
    s.costs.walker.step.each = 100ns;
    ChainRun& run = s.run({open_step(s.path), read_step(0, 0, 512), stat_step(0), close_step(0)});
    play_all(s);
    CHECK(results(run) == Results{0, 512, 100'000, 0});
    // Collecting the read, the stat and the close: three steps after the device.
    const Duration hardirq = s.rig.spent(1, CpuClass::hardirq);
    const Duration softirq = s.rig.spent(1, CpuClass::softirq);
    const Duration thread = s.rig.spent(0, CpuClass::kthread) + s.rig.spent(1, CpuClass::kthread);
    const bool collects = policy == Continue::cheapest || policy == Continue::hardirq;
    const bool defers = policy == Continue::cheapest || policy == Continue::softirq;
    CHECK(hardirq == (collects ? 100ns : 0ns));
    CHECK(softirq == (defers ? 300ns - hardirq : 0ns));
    const bool itself = policy == Continue::submitter;
    CHECK(thread == (defers || itself ? 0ns : 300ns - hardirq));
    CHECK(s.rig.spent(0, CpuClass::syscall) == (itself ? 500ns : 200ns));
    run.ledger.close(s.rig.timeline.now());
  }
}

TEST_CASE("who starts and who goes on changes times, never results or bytes; submit never blocks") {
  Script script;
  const std::string small = "/small";
  const std::string large = "/large";
  script.files = {{small, 5'000}, {large, 700'001}};
  for (int client = 0; client < 6; ++client)
    script.clients.push_back(std::vector<std::vector<chain::Step>>(
        4, {open_step(client % 2 == 0 ? small : large), stat_step(0), read_step(0, 0, 4096),
            send_step(0, 1024, 600'000), close_step(0)}));
  std::optional<Outcome> first;
  std::set<std::string> fingerprints;
  const std::vector<const char*> threads = {"kthread", "workqueue", "workqueue_unbound",
                                            "workqueue_highpri", "kthread_per_request"};
  std::vector<const char*> starts = threads;
  starts.push_back("submitter");
  std::vector<const char*> continuations = threads;
  for (const char* by_none : {"cheapest", "hardirq", "softirq", "submitter"})
    continuations.push_back(by_none);
  for (const char* start : starts)
    for (const char* go_on : continuations) {
      CAPTURE(start, go_on);
      const Outcome outcome =
          play(script, "task_chain",
               {{"task_chain.start_in", start}, {"task_chain.continue_in", go_on}});
      if (!first) first = outcome;
      CHECK(outcome.ends == first->ends);
      CHECK(outcome.streams == first->streams);
      CHECK(outcome.record.submit.blocked_total == Duration{0});
      CHECK(outcome.record.submit.blocked_max == Duration{0});
      CHECK(outcome.record.submit.held_total > Duration{0});
      fingerprints.insert(outcome.record.fingerprint);
    }
  // Cached reads and sends are not legal in a hardirq, so there `cheapest` is `softirq` and
  // `hardirq` is `kthread`. What began in a thread of its own goes on there, whatever is asked;
  // only that workers stand by shows.
  CHECK(fingerprints.size() == 5 * 7 + 2);
}

}  // namespace iodrome::designs::task_chain
