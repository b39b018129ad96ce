// SPDX-License-Identifier: Apache-2.0
// Chains that go on in the thread that submitted them: what it costs, when they do, and who does it
// once that thread has gone.
#include "model/designs/task_chain/submitters.h"

#include "model/kernel/calls/event_calls.h"
#include "model/kernel/calls/file_calls.h"
#include "model/kernel/calls/write_calls.h"
#include "tests/model/designs/task_chain/scene.h"

namespace iodrome::designs::task_chain {
namespace {

using chain::Continue;
using events::CpuClass;

struct Timed : Scene {
  explicit Timed(Continue policy = Continue::submitter) : Scene(policy) {
    costs.walker.step.each = 100ns;
    run({open_step(path), read_step(0, 0, 512), stat_step(0), close_step(0)});
  }
  SimTime ended_at() { return SimTime{} + ended; }
  Duration in(std::size_t on, CpuClass cpu_class) { return rig.spent(on, cpu_class); }
  Duration ended{};  // when its entry was posted
  WaitQueue deep{"deep"};
};

Task<void> submit_one(Sleepable& ctx, Timed& s) {
  ChainRun* const one = &s.runs[0];
  const Result<std::int64_t> accepted = co_await s.queue.submit(ctx, {&one, 1});
  CHECK(accepted == 1);
}

// Another thread that takes the end and notes when it came.
Task<void> take_one(Sleepable& ctx, Timed& s) {
  const Never never;
  co_await s.queue.wait(ctx, never);
  s.ended = s.rig.now();
  const std::optional<ChainEvent> event = co_await s.queue.take(ctx);
  CHECK(event.has_value());
}

Task<Result<std::int64_t>> deep_sleep(Sleepable& ctx, Timed& s) {
  co_await s.deep.wait(ctx, "deep", events::Stage::queue);
  co_return 0;
}

// The disk takes 1 us from 200 ns on; three steps of 100 ns are left.
constexpr Duration kArrives = 1200ns;
constexpr Duration kRest = 300ns;

Duration played(Timed& s, Code<Timed> then_does) {
  s.rig.thread<Timed>(1, s, take_one);
  s.rig.thread<Timed>(0, s, then_does);
  s.rig.run();
  CHECK(results(s.runs[0]) == Results{0, 512, 100'000, 0});
  CHECK(s.carriers_rest());
  CHECK(s.queue.slots_free() == 4);
  return s.ended;
}

TEST_CASE(
    "the submitter is woken out of chain_wait and goes on itself, for a wake-up and a switch") {
  const auto latency = [](Continue policy) {
    Timed s(policy);
    s.rig.system.costs.try_to_wake_up.each = 11ns;
    s.rig.system.costs.context_switch.each = 7ns;
    s.costs.walker.hand_over.each = 17ns;
    play_all(s);
    ChainRun& run = s.runs[0];
    const Duration all = run.ledger.close(s.rig.timeline.now());
    if (policy == Continue::submitter) {
      CHECK(s.in(0, CpuClass::syscall) == 500ns);  // the read is looked at twice
      for (const std::size_t cpu : {0, 1})
        CHECK(s.in(cpu, CpuClass::kthread) + s.in(cpu, CpuClass::softirq) == 0ns);
    }
    return all - run.ledger.totals()[static_cast<std::size_t>(events::Stage::reap)];
  };
  CHECK(latency(Continue::submitter) == latency(Continue::cheapest) + 11ns + 7ns);
}

TEST_CASE("a submitter in user mode is not disturbed: its next call goes on with the chain") {
  Timed s;
  const Duration ended = played(s, [](Sleepable& ctx, Timed& scene) -> Task<void> {
    co_await submit_one(ctx, scene);
    co_await ctx.spend(Duration{5us});
    const std::uint64_t none = 77;
    bool over = false;
    co_await scene.queue.status(ctx, {&none, 1}, {&over, 1});
  });
  CHECK(ended == 200ns + 5us + kRest);
}

TEST_CASE("a submitter that sleeps in any interruptible call is woken for its chain: EINTR") {
  Timed s;
  const Duration ended = played(s, [](Sleepable& ctx, Timed& scene) -> Task<void> {
    co_await submit_one(ctx, scene);
    const Result<std::int64_t> slept = co_await sys_nanosleep(ctx, 50us);
    CHECK(slept == fail(Errno::eintr));
  });
  CHECK(ended == kArrives + kRest);
}

TEST_CASE("a submitter that sleeps for anything else goes on when that sleep is over") {
  Timed s;
  s.rig.at(9us, [&s] { s.deep.wake_from_outside(s.rig.system); });
  const Duration ended = played(s, [](Sleepable& ctx, Timed& scene) -> Task<void> {
    co_await submit_one(ctx, scene);
    co_await syscall(ctx, Sysno::read, deep_sleep(ctx, scene));
  });
  CHECK(ended == 9us + kRest);
}

TEST_CASE("of a submitter that has ended, or ends with work to do, a shared thread goes on") {
  for (const bool later : {false, true}) {
    Timed s;
    s.ended = later ? 5us : 0us;
    const Duration ended = played(s, [](Sleepable& ctx, Timed& scene) -> Task<void> {
      const Duration more = scene.ended;
      co_await submit_one(ctx, scene);
      co_await ctx.spend(more);
    });
    CHECK(ended == (later ? 200ns + 5us : kArrives) + kRest);
    CHECK(s.in(0, CpuClass::kthread) + s.in(1, CpuClass::kthread) == kRest);
  }
}

TEST_CASE("a process that exits waits for no submitter that is elsewhere") {
  Timed s;
  s.rig.at(50us, [&s] { s.deep.wake_from_outside(s.rig.system); });
  s.rig.thread<Timed>(0, s, [](Sleepable& ctx, Timed& scene) -> Task<void> {
    co_await submit_one(ctx, scene);
    co_await syscall(ctx, Sysno::read, deep_sleep(ctx, scene));
  });
  s.rig.thread<Timed>(1, s, [](Sleepable& ctx, Timed& scene) -> Task<void> {
    co_await schedule_hrtimeout(ctx, SimTime{} + 2us, "later", events::Stage::queue);
    CHECK_FALSE(scene.engine.submitters.empty());
    co_await scene.queue.exit(ctx);
    scene.ended = scene.rig.now();
  });
  s.rig.run();
  // Collected, and closed, as clean-up is.
  CHECK(s.ended == 2us + 200ns);
  CHECK(results(s.runs[0]) == Results{0, 512, error(Errno::ecanceled), 0});
  CHECK(s.in(1, CpuClass::kthread) + s.in(0, CpuClass::kthread) == 200ns);
  CHECK(s.carriers_rest());
}

TEST_CASE(
    "a chain that waited for others begins in its submitter, one that sleeps for locks leaves") {
  Scene s(Continue::submitter);
  s.costs.walker.step.each = 100ns;
  s.run({{.op = chain::Op::timeout, .bytes = 5000}});
  s.run({{}, {.op = chain::Op::unlink, .path = &s.path}}).chain.drain = true;
  play_all(s);
  CHECK(results(s.runs[1]) == Results{0, 0});
  // The timeout twice, the nop; then the unlink.
  CHECK(s.rig.spent(0, CpuClass::syscall) == 300ns);
  CHECK(s.rig.spent(0, CpuClass::kthread) + s.rig.spent(1, CpuClass::kthread) == 100ns);
}

struct Writes : Scene {
  explicit Writes(bool cuts_it) : Scene(Continue::submitter), cuts(cuts_it) {}
  bool cuts;  // or writes itself
};

TEST_CASE("a write that waits for a page never keeps its submitter from writing to the same file") {
  for (const bool cuts : {false, true}) {
    Writes s(cuts);
    const chain::Step write{.op = chain::Op::write, .fd_from = 0, .offset = 10, .bytes = 100};
    s.run({open_step(s.path), write, close_step(0)}).direct = false;
    play_in<Writes>(s, [](Sleepable& ctx, Writes& scene) -> Task<void> {
      const Never never;
      FileTable& table = scene.process.files;
      const Result<std::int64_t> fd = co_await sys_openat(ctx, scene.os, table, scene.path);
      REQUIRE(fd == 0);
      ChainRun* const one = &scene.runs[0];
      co_await scene.queue.submit(ctx, {&one, 1});
      if (scene.cuts) {
        const Result<std::int64_t> cut = co_await sys_ftruncate(ctx, scene.os, table, 0, 50'000);
        CHECK(cut == 0);
      } else {
        const Result<std::int64_t> written =
            co_await sys_pwrite(ctx, scene.os, table, 0, false, 50, 100, scene.runs[0].buffer);
        CHECK(written == 100);
      }
      co_await scene.queue.wait(ctx, never);
      const std::optional<ChainEvent> event = co_await scene.queue.take(ctx);
      CHECK(event.has_value());
      co_await sys_close(ctx, table, 0);
    });
    CHECK(results(s.runs[0]) == Results{0, 100, 0});
    CHECK(s.carriers_rest());
  }
}

TEST_CASE("an open that truncates never keeps its submitter from writing to the same file") {
  for (const Continue policy : {Continue::cheapest, Continue::submitter}) {
    Scene s(policy);
    chain::Step cut = open_step(s.path);
    cut.truncate = true;
    const chain::Step write{.op = chain::Op::write, .fd_from = 0, .offset = 10, .bytes = 100};
    s.run({open_step(s.path), write}).direct = false;
    s.run({cut, stat_step(0)});
    play_in<Scene>(s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
      const Never never;
      FileTable& table = scene.process.files;
      const Result<std::int64_t> fd = co_await sys_openat(ctx, scene.os, table, scene.path);
      REQUIRE(fd == 0);
      ChainRun* const both[] = {&scene.runs[0], &scene.runs[1]};
      co_await scene.queue.submit(ctx, both);
      // The first waits for its page with the lock, the second and this thread for the lock.
      co_await ctx.spend(Duration{500ns});
      const Result<std::int64_t> written =
          co_await sys_pwrite(ctx, scene.os, table, 0, false, 50, 100, scene.runs[0].buffer);
      CHECK(written == 100);
      for (int i = 0; i < 2; ++i) {
        co_await scene.queue.wait(ctx, never);
        const std::optional<ChainEvent> event = co_await scene.queue.take(ctx);
        CHECK(event.has_value());
      }
      co_await sys_close(ctx, table, 0);
    });
    CHECK(results(s.runs[0]) == Results{0, 100});
    CHECK_FALSE((*s.files.lookup(s.path))->lock.held());
    CHECK(s.carriers_rest());
  }
}

TEST_CASE("what a chain waits for its submitter is wake-up time, for another thread queueing") {
  for (const bool gone : {false, true}) {
    Timed s;
    s.ended = gone ? 0us : 5us;
    s.rig.system.costs.context_switch.each = 70ns;
    s.rig.system.costs.try_to_wake_up.each = 50ns;
    played(s, [](Sleepable& ctx, Timed& scene) -> Task<void> {
      const Duration more = scene.ended;
      co_await submit_one(ctx, scene);
      if (more == 0us) co_return;
      co_await ctx.spend(more);
      co_await scene.queue.flush(ctx);
    });
    s.runs[0].ledger.close(s.rig.timeline.now());
    CHECK((stage(s.runs[0].ledger, events::Stage::wakeup) > 0us) == !gone);
  }
}

TEST_CASE("a kernel thread that submits is nobody who could go on") {
  Timed s;
  s.rig.thread<Timed>(1, s, take_one);
  s.rig.thread<Timed>(0, s, submit_one, CpuClass::kthread);
  s.rig.run();
  CHECK(results(s.runs[0]) == Results{0, 512, 100'000, 0});
  CHECK(s.ended == kArrives + kRest);
}

}  // namespace
}  // namespace iodrome::designs::task_chain
