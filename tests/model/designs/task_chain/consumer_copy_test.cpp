// SPDX-License-Identifier: Apache-2.0
// Reads whose bytes wait in the page cache until the consumer copies them in its call.
#include "model/explore/random_walk.h"
#include "tests/model/designs/task_chain/scene.h"
#include "tests/model/explore/no_failures.h"

namespace iodrome::designs::task_chain {
namespace {

using chain::Continue;
using chain::UserCopy;
using events::CpuClass;

struct Late : Scene {
  explicit Late(Continue policy = Continue::softirq, UserCopy way = UserCopy::consumer)
      : Scene(policy, providers::CpuQueue::kthread) {
    copy_by(way);
  }
  ChainRun& add(std::vector<chain::Step> steps) {
    ChainRun& added = run(std::move(steps));
    added.direct = false;
    added.buffer = pages(20);
    return added;
  }
  ChainRun& read(std::uint64_t offset, std::uint64_t bytes) {
    return add({open_step(path), read_step(0, offset, bytes), close_step(0)});
  }
  bool has(const ChainRun& of, std::uint64_t offset, std::uint64_t bytes) {
    return holds(of.buffer, **files.lookup(path), offset, bytes);
  }

  std::uint64_t most = 0;
  std::vector<std::int64_t> errors;
  std::size_t taken = 0;
};

Task<void> submit(Sleepable& ctx, Late& s) {
  std::vector<ChainRun*> all;
  for (ChainRun& run : s.runs) all.push_back(&run);
  const Result<std::int64_t> accepted = co_await s.queue.submit(ctx, all);
  CHECK(accepted == static_cast<std::int64_t>(all.size()));
}

// What is in the ring has its bytes, whoever has brought them there.
Task<void> take_what_is_there(Sleepable& ctx, Late& s) {
  for (;;) {
    const std::optional<ChainEvent> event = co_await s.queue.take(ctx);
    if (!event) co_return;
    ++s.taken;
    s.errors.push_back(event->error);
    const ChainRun& run = s.runs[ChainRun::slot_of(event->user_data)];
    if (event->error != 0 || run.chain.steps.size() != 3) continue;
    CHECK(s.has(run, run.chain.steps[1].offset, static_cast<std::uint64_t>(run.results[1])));
  }
}

Task<void> take_all(Sleepable& ctx, Late& s) {
  const Never never;
  while (s.taken < s.runs.size()) {
    co_await take_what_is_there(ctx, s);
    s.most = std::max(s.most, s.engine.held.used);
    if (s.taken == s.runs.size()) break;
    co_await s.queue.wait(ctx, never);
  }
}

Task<void> submit_and_take_all(Sleepable& ctx, Late& s) {
  co_await submit(ctx, s);
  co_await take_all(ctx, s);
}

void played(Late& s) {
  const Thread& thread = s.rig.thread<Late>(0, s, submit_and_take_all);
  s.rig.run();
  CHECK(thread.state == Thread::State::dead);
  CHECK(s.carriers_rest());
  CHECK(s.queue.slots_free() == 4);
}

TEST_CASE("the consumer's call takes the copy's time, no softirq does, and no page is pinned") {
  for (const UserCopy way : {UserCopy::pinned, UserCopy::consumer}) {
    Late s(Continue::softirq, way);
    const ChainRun& run = s.read(0, 65'536);
    played(s);
    const bool late = way == UserCopy::consumer;
    CHECK(s.has(run, 0, 65'536));
    // At 1 GB/s.
    CHECK(s.rig.spent(0, CpuClass::syscall) == (late ? 65'536ns : 0ns));
    CHECK(s.rig.spent(1, CpuClass::softirq) == (late ? 0ns : 65'536ns));
    CHECK(s.rig.system.costs.page_pin.count == (late ? 0 : 16));
  }
}

TEST_CASE("until the consumer's call the pages wait, and the memory is as it was") {
  Late s;
  const ChainRun& run = s.read(5000, 12'000);
  play_in<Late>(s, [](Sleepable& ctx, Late& scene) -> Task<void> {
    co_await submit(ctx, scene);
    co_await ctx.spend(Duration{20us});
    CHECK(results(scene.runs[0]) == Results{0, 12'000, 0});
    CHECK(scene.engine.held.used == 4);  // from 5000 to 17,000
    CHECK_FALSE(scene.has(scene.runs[0], 5000, 12'000));
    const std::optional<ChainEvent> none = co_await scene.queue.take(ctx);
    CHECK_FALSE(none);
    co_await scene.queue.flush(ctx);
    CHECK(scene.engine.held.used == 0);
  });
  CHECK(s.has(run, 5000, 12'000));
}

TEST_CASE("memory that has gone by then makes the read EFAULT, and what waits is given back") {
  Late s;
  ChainRun& gone = s.read(0, 8192);
  const ChainRun& other = s.read(8192, 8192);
  play_in<Late>(s, [](Sleepable& ctx, Late& scene) -> Task<void> {
    co_await submit(ctx, scene);
    co_await ctx.spend(Duration{20us});
    CHECK(scene.engine.held.used == 4);
    scene.runs[0].buffer.resize(1);  // munmap() of all but a page
    co_await take_all(ctx, scene);
  });
  CHECK(results(gone) == Results{0, error(Errno::efault), 0});
  CHECK(gone.first_error() == Errno::efault);
  CHECK(s.errors == std::vector<std::int64_t>{error(Errno::efault), 0});
  CHECK(s.has(other, 8192, 8192));
  CHECK(s.engine.held.used == 0);
}

TEST_CASE("what a later step of the chain sees or makes of the memory is as with any other way") {
  using chain::Op;
  const auto sum = [](UserCopy way, bool elsewhere) {
    Late s(Continue::kthread, way);
    const std::uint64_t at = elsewhere ? 8192 : 0;
    ChainRun& run = s.add({open_step(s.path),
                           read_step(0, 0, 8192),
                           {.op = Op::crc32c, .bytes = 4096, .memory = at},
                           {.op = Op::memset, .value = 7, .bytes = 4096, .memory = at + 4096},
                           close_step(0)});
    played(s);
    CHECK(run.results[1] == 8192);
    // The consumer copies only what nobody else touches.
    const bool late = way == UserCopy::consumer && elsewhere;
    CHECK((s.rig.spent(0, CpuClass::syscall) >= 8192ns) == late);
    CHECK(s.has(run, 0, 4096));
    const auto second = s.rig.memory.bytes(run.buffer[at / 4096 + 1], 4096);
    CHECK(std::ranges::all_of(second, [](std::byte each) { return each == std::byte{7}; }));
    return run.results[2];
  };
  for (const bool elsewhere : {false, true}) {
    const std::int64_t pinned = sum(UserCopy::pinned, elsewhere);
    CHECK(sum(UserCopy::consumer, elsewhere) == pinned);
    CHECK(sum(UserCopy::thread, elsewhere) == pinned);
  }
}

TEST_CASE("no more pages wait than may: a read beyond that is copied at once") {
  Late s;
  s.engine.held.most = 24;
  for (std::uint64_t i = 0; i < 3; ++i) s.read(i * 4096, 40'960);
  play_in<Late>(s, [](Sleepable& ctx, Late& scene) -> Task<void> {
    co_await submit(ctx, scene);
    co_await ctx.spend(Duration{200us});
    CHECK(scene.engine.held.used == 20);
    CHECK(scene.has(scene.runs[2], 8192, 40'960));
    co_await take_all(ctx, scene);
  });
  for (std::uint64_t i = 0; i < 3; ++i) CHECK(s.has(s.runs[i], i * 4096, 40'960));
  CHECK(s.engine.held.used == 0);
}

TEST_CASE("a full ring keeps the others' pages waiting") {
  Late s;
  for (std::uint64_t i = 0; i < 3; ++i) s.read(i * 4096, 4096);
  s.engine.held.most = 3;
  play_in<Late>(s, [](Sleepable& ctx, Late& scene) -> Task<void> {
    co_await submit(ctx, scene);
    co_await ctx.spend(Duration{20us});
    CHECK(scene.engine.held.used == 3);
    // Two of the four slots look used: the user has moved its head back.
    const auto words = scene.queue.ring().user_words();
    co_await words.head.store_release(ctx, static_cast<std::uint32_t>(-2));
    co_await scene.queue.flush(ctx);
    CHECK(scene.engine.held.used == 1);
    co_await words.head.store_release(ctx, 0);
    co_await take_all(ctx, scene);
  });
  CHECK(s.engine.held.used == 0);
}

TEST_CASE("what waits when the process exits is given back and copied by nobody") {
  Late s;
  const ChainRun& ended = s.read(0, 8192);
  s.add({open_step(s.path),
         read_step(0, 16'384, 4096),
         {.op = chain::Op::timeout, .bytes = 1 << 20}});
  play_in<Late>(s, [](Sleepable& ctx, Late& scene) -> Task<void> {
    co_await submit(ctx, scene);
    co_await schedule_hrtimeout(ctx, SimTime{} + 20us, "later", events::Stage::queue);
    CHECK(scene.engine.held.used == 3);
    co_await scene.queue.exit(ctx);
    CHECK(scene.engine.held.used == 0);
  });
  CHECK_FALSE(s.has(ended, 0, 8192));
}

// --- on every schedule ---------------------------------------------------------------------------

struct Left : Late {
  using Late::Late;
  bool exits = false;
};

Task<void> leave(Sleepable& ctx, Left& s) {
  co_await schedule_hrtimeout(ctx, SimTime{} + 900ns, "later", events::Stage::queue);
  if (s.exits) co_return co_await s.queue.exit(ctx);
  co_await s.queue.cancel(ctx, std::nullopt);
}

Task<void> work(Sleepable& ctx, Left& s) {
  const Never never;
  co_await submit(ctx, s);
  while (s.taken < s.runs.size()) {
    const Result<std::int64_t> waited = co_await s.queue.wait(ctx, never);
    if (!waited) co_return;
    co_await take_what_is_there(ctx, s);
  }
}

TEST_CASE("cancelled or left by its process: on no schedule is a page kept, or a byte missing") {
  for (const Continue policy : kPolicies)
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
      CAPTURE(static_cast<int>(policy), seed);
      Left s(policy);
      s.exits = seed % 2 != 0;
      s.costs.walker.step.each = 40ns;
      const chain::Step pause{.op = chain::Op::timeout, .bytes = 90 + seed * 10};
      for (std::uint64_t i = 0; i < 2; ++i) s.read(i * 4096, 10'000);
      s.add({open_step(s.path), read_step(0, 0, 4096), pause, read_step(0, 50'000, 9000)})
          .chain.steps[3]
          .memory = 8192;
      explore::RandomWalk walk(seed);
      NoFailures oracle(walk);
      s.rig.timeline.choices().ask(&oracle);
      const Thread& user = s.rig.thread<Left>(0, s, work);
      s.rig.thread<Left>(1, s, leave);
      s.rig.run();
      s.rig.timeline.choices().ask(nullptr);
      CHECK(user.state == Thread::State::dead);
      CHECK(s.carriers_rest());
      if (!s.exits) CHECK(s.taken == 3);
    }
}

TEST_CASE("of several consumers none sees an entry before its bytes are there") {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    CAPTURE(seed);
    Late s;
    for (std::uint64_t i = 0; i < 4; ++i) s.read(i * 4096, 4096);
    explore::RandomWalk walk(seed);
    NoFailures oracle(walk);
    s.rig.timeline.choices().ask(&oracle);
    s.rig.thread<Late>(0, s, submit_and_take_all);
    s.rig.thread<Late>(1, s, [](Sleepable& ctx, Late& scene) -> Task<void> {
      for (int i = 0; i < 40 && scene.taken < 4; ++i) {
        co_await schedule_hrtimeout(ctx, ctx.now() + 300ns, "later", events::Stage::queue);
        co_await scene.queue.flush(ctx);
      }
    });
    s.rig.run();
    s.rig.timeline.choices().ask(nullptr);
    CHECK(s.taken == 4);
    CHECK(s.engine.held.used == 0);
  }
}

// --- whole runs ----------------------------------------------------------------------------------

TEST_CASE("with every wake-up whoever goes on all comes to the same end") {
  static const std::string kPath = "/some";
  Script script;
  script.files = {{kPath, 300'001}};
  for (std::uint64_t client = 0; client < 6; ++client)
    script.clients.push_back(std::vector<std::vector<chain::Step>>(
        3, {open_step(kPath), read_step(0, client * 4096, 40'000), send_step(0, 1024, 9000),
            close_step(0)}));
  const tests::Outcome reference = play(script, "task_chain", {});
  for (const char* wake : {"syscall", "eventfd", "futex", "signal", "busy_poll"})
    for (const char* go_on : {"cheapest", "kthread", "submitter"}) {
      CAPTURE(wake, go_on);
      const tests::Outcome outcome = play(script, "task_chain",
                                          {{"task_chain.user_copy", "consumer"},
                                           {"task_chain.ring_full", "hold"},
                                           {"task_chain.wake_by", wake},
                                           {"task_chain.continue_in", go_on}});
      CHECK(outcome.ends == reference.ends);
      CHECK(outcome.streams == reference.streams);
      CHECK(outcome.record.submit.blocked_total == Duration{0});
    }
}

}  // namespace
}  // namespace iodrome::designs::task_chain
