// SPDX-License-Identifier: Apache-2.0
#include "model/providers/registry.h"

#include "model/explore/random_walk.h"
#include "tests/model/providers/rig.h"

namespace iodrome::providers {
namespace {

using namespace kernel;

void check_all(ProviderRig& rig) {
  CHECK(rig.refused.empty());
  for (std::uint32_t number = 0; number < rig.wanted; ++number) {
    CAPTURE(number);
    CHECK(rig.ends[number] == 1);
    CHECK(rig.jobs[number].status == Errno::ok);
    CHECK(rig.right(number));
  }
  CHECK(rig.quiet());
}

// The answers of an engine that fails at its `at`th step, once or from then on.
std::deque<std::uint32_t> failing(std::uint32_t at, bool for_good) {
  std::deque<std::uint32_t> answers(at, 0);
  answers.insert(answers.end(), for_good ? 64 : 1, 1);
  return answers;
}

// Fails at once whatever it gets.
class Broken final : public Provider {
 public:
  Broken() : Provider("broken", {{Operation::copy, 1, 4096, 1, 1, {}, 0ns}}, 4) {}
  Task<Errno> start(Atomic& ctx, Job& job) override {
    co_await ends().ended(ctx, job, Errno::eio);
    co_return Errno::ok;
  }
};

// Misses a page of whatever it gets, so many times.
class Faulting final : public Provider {
 public:
  explicit Faulting(int faults)
      : Provider("faulting", {{Operation::copy, 1, 4096, 1, 1, {}, 0ns}}, 4), left_(faults) {}
  Task<Errno> start(Atomic& ctx, Job& job) override {
    co_await ends().ended(ctx, job, left_-- > 0 ? Errno::efault : Errno::ok);
    co_return Errno::ok;
  }

 private:
  int left_;
};

// Has room, takes its time, and refuses.
class Reluctant final : public Provider {
 public:
  explicit Reluctant(Cost& cost)
      : Provider("reluctant", {{Operation::copy, 1, 4096, 1, 1, {}, 0ns}}, 4), cost_(cost) {}
  Task<Errno> start(Atomic& ctx, Job&) override {
    co_await ctx.spend_for(cost_, 2us);
    co_return Errno::eagain;
  }

 private:
  Cost& cost_;
};

Task<void> submit_first(Sleepable& ctx, ProviderRig& rig) {
  const Errno error = co_await rig.registry.submit(ctx, rig.make(0));
  CHECK(error == Errno::ok);
}

// While the first one's job is being refused.
Task<void> submit_fifth(Sleepable& ctx, ProviderRig& rig) {
  co_await ctx.spend_for(rig.costs.choose, 1us);
  const Errno error = co_await rig.registry.submit(ctx, rig.make(4));
  CHECK(error == Errno::eagain);
}

}  // namespace

TEST_CASE("a job that waits for somebody's end ends too if that one only seemed at work") {
  ProviderRig rig;
  Broken broken;
  Cost asking;
  Reluctant reluctant(asking);
  rig.registry.add(broken);
  rig.registry.add(reluctant);
  rig.rig.thread(0, rig, submit_first);
  rig.rig.thread(1, rig, submit_fifth);
  rig.rig.run();
  CHECK(rig.ends[0] == 1);
  CHECK(rig.jobs[0].status == Errno::eagain);
  CHECK(rig.ends[4] == 0);
  CHECK(rig.quiet());
  CHECK(broken.failed() == 1);
  CHECK(broken.moved() == 0);
  CHECK(asking.count == 3);  // the first job was asked for again
}

TEST_CASE("a missing page has somebody else do the job, and its provider stays well") {
  for (const bool alone : {true, false}) {
    ProviderRig rig;
    Faulting faulting(2);
    rig.registry.add(faulting);
    if (!alone) rig.registry.add(*rig.caller);
    rig.rig.thread(0, rig, submit_first);
    rig.rig.run();
    CHECK(rig.ends[0] == 1);
    CHECK(rig.jobs[0].status == Errno::ok);
    CHECK(rig.jobs[0].moves == (alone ? 0 : 1));
    CHECK(faulting.health() == Health::healthy);
    CHECK(faulting.failed() == (alone ? 2 : 1));
    CHECK(faulting.moved() == faulting.failed());
    CHECK(rig.caller->completed() == (alone ? 0 : 1));
    CHECK(rig.quiet());
  }
}

TEST_CASE("a provider is busy from its first job's beginning until its last one's end") {
  ProviderRig rig;
  rig.registry.add(*rig.thread);
  rig.wanted = 2;  // a copy of 4.096 us, a sum of three pages at 500 MB/s
  rig.rig.thread(0, rig, submit_all);
  rig.rig.run();
  CHECK(rig.thread->busy(rig.rig.timeline.now()) == 4096ns + 3 * 8192ns);
  CHECK(rig.thread->bytes() == 2 * 4096);
  rig.rig.timeline.advance_to(rig.rig.timeline.now() + 1us);
  CHECK(rig.thread->busy(rig.rig.timeline.now()) == 4096ns + 3 * 8192ns);
}

TEST_CASE("a provider offers no more what was withheld from it") {
  ProviderRig rig;
  rig.caller->withhold(Operation::copy);
  CHECK(rig.caller->capability_for(rig.make(0)) == nullptr);
  CHECK(rig.caller->capability_for(rig.make(1)) != nullptr);
}

TEST_CASE("an engine that halts at any step costs nobody an end or a byte") {
  for (const bool for_good : {false, true})
    for (std::uint32_t step = 0; step <= 8; ++step) {
      CAPTURE(step, for_good);
      hw::test::ScriptedOracle oracle;
      oracle.script["adma.transfer"] = failing(step, for_good);
      ProviderRig rig("first_fit", &oracle);
      rig.registry.add(*rig.engines[0]);
      rig.registry.add(*rig.caller);
      rig.rig.thread(0, rig, submit_all);
      rig.rig.run();
      check_all(rig);
      CHECK((rig.engines[0]->health() == Health::failed) == (step < 8));
      const std::uint64_t lost = step == 8 ? 0 : for_good ? 8 - step : 1;
      CHECK(rig.engines[0]->failed() == lost);
      CHECK(rig.caller->completed() == lost);
      CHECK(rig.engines[0]->completed() == 8 - lost);
    }
}

TEST_CASE("what one channel failed goes to the other, and what that fails to the thread") {
  hw::test::ScriptedOracle oracle;
  oracle.script["adma.transfer"] = failing(3, true);
  ProviderRig rig("round_robin", &oracle);
  rig.registry.add(*rig.engines[0]);
  rig.registry.add(*rig.engines[1]);
  rig.registry.add(*rig.thread);
  rig.wanted = 12;
  rig.rig.thread(0, rig, submit_all);
  rig.rig.run();
  check_all(rig);
  CHECK(rig.engines[0]->health() == Health::failed);
  CHECK(rig.engines[1]->health() == Health::failed);
  CHECK(rig.thread->completed() == 9);
  CHECK(std::any_of(rig.jobs.begin(), rig.jobs.end(), [](const Job& j) { return j.moves == 2; }));
}

TEST_CASE("a failed provider gets nothing more") {
  hw::test::ScriptedOracle oracle;
  oracle.script["adma.transfer"] = {1};
  ProviderRig rig("first_fit", &oracle);
  rig.registry.add(*rig.engines[0]);
  rig.registry.add(*rig.caller);
  rig.wanted = 1;
  rig.rig.thread(0, rig, submit_all);
  rig.rig.run();
  rig.rig.thread(0, rig, submit_all);
  rig.rig.run();
  CHECK(rig.went == std::vector<const Provider*>{rig.engines[0].get(), rig.caller.get()});
  CHECK(rig.jobs[0].moves == 0);
  CHECK(rig.engines[0]->failed() == 1);
  CHECK(rig.quiet());
}

TEST_CASE("nobody who can, nobody who is well and nobody with room are three answers") {
  hw::test::ScriptedOracle oracle;
  oracle.script["adma.transfer"] = {1};
  ProviderRig rig("first_fit", &oracle, 2);
  rig.wanted = 1;
  rig.rig.thread(0, rig, submit_all);
  rig.rig.run();
  CHECK(rig.refused == std::vector{Errno::eopnotsupp});
  rig.refused.clear();
  rig.registry.add(*rig.engines[0]);
  rig.rig.thread(0, rig, submit_all);
  rig.rig.run();
  CHECK(rig.refused.empty());  // accepted; its only provider failed afterwards
  CHECK(rig.jobs[0].status == Errno::enodev);
  CHECK(rig.ends[0] == 1);
  CHECK(rig.jobs[0].moves == 0);  // there was nobody to go on to
  rig.rig.thread(0, rig, submit_all);
  rig.rig.run();
  CHECK(rig.refused == std::vector{Errno::enodev});
  CHECK(rig.quiet());
  ProviderRig full("first_fit", nullptr, 2);
  full.registry.add(*full.engines[0]);
  full.wanted = 4;
  full.rig.thread(0, full, submit_all);
  full.rig.run();
  CHECK(full.refused == std::vector{Errno::eagain, Errno::eagain});
  CHECK(full.ends == std::array<int, 24>{1, 1});
  CHECK(full.quiet());
}

TEST_CASE("a job too large, too small or of too many sources is not for that provider") {
  ProviderRig rig;
  rig.registry.add(*rig.engines[0]);  // eight sources
  Job& job = rig.make(1);
  CHECK(rig.engines[0]->capability_for(job) != nullptr);
  job.source_count = 9;
  CHECK(rig.engines[0]->capability_for(job) == nullptr);
  CHECK(rig.caller->capability_for(job) != nullptr);
  job.source_count = 3;
  job.bytes = (1 << 20) + 1;
  CHECK(rig.engines[0]->capability_for(job) == nullptr);
  job.bytes = 0;
  CHECK(rig.engines[0]->capability_for(job) == nullptr);
  Capability strict{Operation::copy, 64, 4096, 64, 1, Rate{1'000'000'000}, 0ns};
  Job& copy = rig.make(0);
  CHECK(strict.fits(copy));
  copy.sources[0] += 32;
  CHECK_FALSE(strict.fits(copy));
  copy.sources[0] += 32;
  copy.bytes = 63;
  CHECK_FALSE(strict.fits(copy));
}

TEST_CASE("a job without room after a failure waits for it") {
  hw::test::ScriptedOracle oracle;
  oracle.script["adma.transfer"] = failing(0, true);
  ProviderRig rig("first_fit", &oracle);
  rig.registry.add(*rig.engines[0]);
  rig.registry.add(*rig.thread);  // takes four at a time
  rig.wanted = 16;
  rig.rig.thread(0, rig, submit_all);
  rig.rig.run();
  check_all(rig);
  CHECK(rig.thread->completed() == 16);
}

TEST_CASE("a CPU in its caller's context is done before submit returns, a thread later") {
  for (const bool inline_cpu : {true, false}) {
    ProviderRig rig;
    rig.registry.add(inline_cpu ? *rig.caller : *rig.thread);
    rig.wanted = 1;
    rig.rig.thread(
        0, rig, +[](Sleepable& ctx, ProviderRig& mine) -> Task<void> {
          co_await submit_all(ctx, mine);
          mine.wanted = static_cast<std::uint32_t>(mine.ends[0]);
        });
    rig.rig.run();
    CHECK(rig.wanted == (inline_cpu ? 1u : 0u));
    CHECK(rig.ends[0] == 1);
    CHECK(rig.right(0));
    CHECK(rig.last_level == Level::thread);
  }
}

TEST_CASE("checksums of a crypto engine and of a CPU are the same; a failed one changes hands") {
  for (const std::uint32_t fails : {0u, 1u}) {
    hw::test::ScriptedOracle oracle;
    oracle.script["crypto.request"] = {fails};
    ProviderRig rig("first_fit", &oracle);
    rig.registry.add(*rig.crypto);
    rig.registry.add(*rig.thread);
    Job& job = rig.make(0);
    job.operation = Operation::crc32c;
    rig.rig.thread(
        0, rig, +[](Sleepable& ctx, ProviderRig& mine) -> Task<void> {
          const Errno error = co_await mine.registry.submit(ctx, mine.jobs[0]);
          CHECK(error == Errno::ok);
        });
    rig.rig.run();
    CHECK(rig.ends[0] == 1);
    CHECK(job.status == Errno::ok);
    CHECK(job.crc == crc32c(0, rig.bytes(0)));
    CHECK(job.moves == fails);
    CHECK(rig.thread->completed() == fails);
    CHECK(rig.quiet());
  }
}

TEST_CASE("whatever the order and the faults, every accepted job ends once with right bytes") {
  std::uint64_t moved = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    explore::RandomWalk oracle(seed);
    ProviderRig rig(seed % 2 == 0 ? "least_loaded" : "learned", &oracle);
    for (auto& engine : rig.engines) rig.registry.add(*engine);
    rig.registry.add(*rig.thread);
    rig.registry.add(*rig.caller);
    rig.wanted = 12;
    rig.rig.thread(0, rig, submit_all);
    CAPTURE(seed);
    rig.rig.run();
    check_all(rig);
    for (const Job& job : rig.jobs) moved += job.moves;
  }
  CHECK(moved > 100);
}

}  // namespace iodrome::providers
