// SPDX-License-Identifier: Apache-2.0
// The limit of all queues together: what it refuses, and when a chain's place is free again.
#include "model/explore/random_walk.h"
#include "model/kernel/time/sleep.h"
#include "tests/model/designs/task_chain/scene.h"
#include "tests/model/explore/no_failures.h"

namespace iodrome::designs::task_chain {
namespace {

struct Two : Scene {
  Two(const ChainParams& as, std::int64_t max_nr) : Scene(as) { params.max_nr = max_nr; }
  ChainRun& add() { return run({open_step(path), read_step(0, 0, 512), close_step(0)}); }
  ChainQueue& queue_of(std::size_t number) { return number == 0 ? queue : other; }

  WaitQueue other_sleepers{"other"};
  ChainQueue other{engine, other_sleepers};
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;
  std::uint64_t taken[2] = {0, 0};
  std::uint64_t most = 0;
  std::size_t ended = 0;
};

Task<Result<std::int64_t>> submit(Sleepable& ctx, Two& s, std::size_t to, std::size_t first,
                                  std::size_t count) {
  std::vector<ChainRun*> some;
  for (std::size_t i = first; i < first + count; ++i) some.push_back(&s.runs[i]);
  const Result<std::int64_t> accepted = co_await s.queue_of(to).submit(ctx, some);
  s.most = std::max(s.most, s.engine.chain_nr());
  co_return accepted;
}

Task<void> take_all(Sleepable& ctx, Two& s, std::size_t number) {
  for (;;) {
    const std::optional<ChainEvent> event = co_await s.queue_of(number).take(ctx);
    if (!event) co_return;
    ++s.taken[number];
  }
}

using Submitted = Result<std::int64_t>;

}  // namespace

TEST_CASE("the limit is one for all queues: what fits, then EAGAIN, and nothing of that has run") {
  Two s(Scene::params_of(chain::Continue::cheapest), 3);
  for (int i = 0; i < 5; ++i) s.add();
  play_in<Two>(s, [](Sleepable& ctx, Two& scene) -> Task<void> {
    const Submitted call1 = co_await submit(ctx, scene, 0, 0, 2);
    CHECK(call1 == 2);
    const Submitted call2 = co_await submit(ctx, scene, 1, 2, 2);
    CHECK(call2 == 1);
    CHECK(scene.engine.chain_nr() == 3);
    CHECK(scene.disk.issued.size() == 3);
    const Submitted call3 = co_await submit(ctx, scene, 1, 3, 2);
    CHECK(call3 == fail(Errno::eagain));
    const Submitted call4 = co_await submit(ctx, scene, 0, 3, 2);
    CHECK(call4 == fail(Errno::eagain));
    CHECK(scene.disk.issued.size() == 3);
    CHECK(results(scene.runs[3]) == Results{0, 0, 0});
    // In the ring it is the user's: no entry has been taken, and the places are free.
    const Never never;
    co_await scene.queue.wait(ctx, never);
    co_await scene.other.wait(ctx, never);
    CHECK(scene.engine.chain_nr() == 0);
    const Submitted call5 = co_await submit(ctx, scene, 1, 3, 2);
    CHECK(call5 == 2);
    CHECK(scene.engine.chain_nr() == 2);
  });
  s.rig.run();
  CHECK(s.engine.chain_nr() == 0);
}

TEST_CASE("a chain whose completion is on the kernel's list or in its memory keeps its place") {
  for (const RingFull full : {RingFull::hold, RingFull::spill, RingFull::drop}) {
    CAPTURE(static_cast<int>(full));
    ChainParams params = Scene::params_of(chain::Continue::cheapest);
    params.ring_entries = 1;
    params.max_chains = 8;
    params.full = full;
    Two s(params, 3);
    for (int i = 0; i < 4; ++i) s.run({{}});  // each ends in the submitting call
    play_in<Two>(s, [](Sleepable& ctx, Two& scene) -> Task<void> {
      const Submitted call6 = co_await submit(ctx, scene, 0, 0, 3);
      CHECK(call6 == 3);
      // Of those in the ring or lost, nothing is left in the kernel.
      const RingFull policy = scene.params.full;
      const std::uint64_t kept = policy == RingFull::hold ? 3 : policy == RingFull::spill ? 2 : 0;
      CHECK(scene.engine.chain_nr() == kept);
      const bool room = kept < 3;
      const Submitted another = co_await submit(ctx, scene, 1, 3, 1);
      CHECK(another.has_value() == room);
      const std::optional<ChainEvent> in_ring = co_await scene.queue.take(ctx);
      CHECK(in_ring.has_value() == room);
      const std::uint64_t before = scene.engine.chain_nr();
      co_await scene.queue.flush(ctx);
      CHECK(scene.engine.chain_nr() == (kept > 0 ? before - 1 : before));
    });
  }
}

// --- on every schedule ---------------------------------------------------------------------------

namespace {

constexpr std::size_t kEach = 4;

// Submits its chains one by one until all are accepted; after a refusal something has to end first.
Task<void> take_turns(Sleepable& ctx, Two& s, std::size_t number) {
  const Never never;
  for (std::size_t i = 0; i < kEach;) {
    const Result<std::int64_t> one = co_await submit(ctx, s, number, number * kEach + i, 1);
    if (one) {
      ++i;
      ++s.accepted;
      continue;
    }
    if (one.error() != Errno::eagain) break;
    ++s.refused;
    co_await schedule_hrtimeout(ctx, later(ctx.now(), 150ns), "its turn", events::Stage::queue);
    co_await take_all(ctx, s, number);
  }
  while (s.taken[number] < kEach) {
    co_await s.queue_of(number).wait(ctx, never);
    co_await take_all(ctx, s, number);
  }
  ++s.ended;
}
Task<void> first(Sleepable& ctx, Two& s) {
  return take_turns(ctx, s, 0);
}
Task<void> second(Sleepable& ctx, Two& s) {
  return take_turns(ctx, s, 1);
}

}  // namespace

TEST_CASE("on no schedule are there more chains than the limit, nor is a place lost") {
  for (const chain::Continue policy : kPolicies)
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      CAPTURE(static_cast<int>(policy), seed);
      Two s(Scene::params_of(policy), 2);
      s.costs.accept.each = 70ns;
      for (std::size_t i = 0; i < 2 * kEach; ++i) s.add();
      explore::RandomWalk walk(seed);
      NoFailures oracle(walk);
      s.rig.timeline.choices().ask(&oracle);
      s.rig.thread<Two>(0, s, first);
      s.rig.thread<Two>(1, s, second);
      s.rig.run();
      s.rig.timeline.choices().ask(nullptr);
      CHECK(s.ended == 2);
      CHECK(s.accepted == 2 * kEach);
      CHECK(s.refused > 0);
      CHECK(s.most == 2);
      CHECK(s.engine.chain_nr() == 0);
    }
}

TEST_CASE("a process that exits gives its chains' places back, and so does a cancellation") {
  for (const bool exits : {false, true}) {
    Two s(Scene::params_of(chain::Continue::cheapest), 3);
    for (int i = 0; i < 3; ++i) s.run({{.op = chain::Op::timeout, .bytes = 1'000'000}});
    s.ended = exits;
    play_in<Two>(s, [](Sleepable& ctx, Two& scene) -> Task<void> {
      const Submitted call7 = co_await submit(ctx, scene, 0, 0, 2);
      CHECK(call7 == 2);
      const Submitted call8 = co_await submit(ctx, scene, 1, 2, 1);
      CHECK(call8 == 1);
      CHECK(scene.engine.chain_nr() == 3);
      if (scene.ended != 0) co_return co_await scene.queue.exit(ctx);
      co_await scene.queue.cancel(ctx, std::nullopt);
      CHECK(scene.engine.chain_nr() == 1);
      co_await scene.other.cancel(ctx, std::nullopt);
    });
    CHECK(s.engine.chain_nr() == 0);
    CHECK(s.rig.now() < 1ms);
  }
}

TEST_CASE("a process that exits gives back the places of completions that were on the list") {
  for (const RingFull full : {RingFull::hold, RingFull::spill}) {
    ChainParams params = Scene::params_of(chain::Continue::cheapest);
    params.ring_entries = 1;
    params.max_chains = 8;
    params.full = full;
    Two s(params, 4);
    for (int i = 0; i < 4; ++i) s.run({{}});
    play_in<Two>(s, [](Sleepable& ctx, Two& scene) -> Task<void> {
      const Submitted call9 = co_await submit(ctx, scene, 0, 0, 4);
      CHECK(call9 == 4);
      CHECK(scene.engine.chain_nr() >= 3);
      co_await scene.other.exit(ctx);
      CHECK(scene.engine.chain_nr() == 0);
    });
  }
}

// --- the application ----------------------------------------------------------------------------

namespace {

using tests::Outcome;

Outcome limited(const char* cpus, const char* max_nr) {
  static const std::string kPath = "/some";
  Script script;
  script.files = {{kPath, 300'001}};
  for (int client = 0; client < 8; ++client)
    script.clients.push_back(std::vector<std::vector<chain::Step>>(
        3, {open_step(kPath), read_step(0, 0, 4096), send_step(0, 1024, 200'000), close_step(0)}));
  return play(script, "task_chain", {{"cpu.count", cpus}, {"task_chain.max_nr", max_nr}});
}

}  // namespace

TEST_CASE("an application tries again what the limit refused, and all comes to the same end") {
  const Outcome free = limited("1", "65536");
  const Outcome held = limited("1", "2");
  CHECK(held.ends == free.ends);
  CHECK(held.streams == free.streams);
  CHECK(held.record.fingerprint != free.record.fingerprint);
}

TEST_CASE(
    "of an application thread that has nothing under way the refused request ends in EAGAIN") {
  const Outcome free = limited("2", "65536");
  const Outcome held = limited("2", "1");
  std::size_t refused = 0;
  for (std::size_t client = 0; client < held.ends.size(); ++client)
    for (std::size_t i = 0; i < held.ends[client].size(); ++i) {
      const bool again = held.ends[client][i][0].first_error == Errno::eagain;
      refused += again;
      if (!again) CHECK(held.ends[client][i] == free.ends[client][i]);
    }
  CHECK(refused > 0);
  CHECK(refused < 24);
}

}  // namespace iodrome::designs::task_chain
