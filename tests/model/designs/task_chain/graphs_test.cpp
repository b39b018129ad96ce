// SPDX-License-Identifier: Apache-2.0
// Random graphs that are cancelled, run out of time or lose their process at any time: each step
// ends as the program says or is cancelled, clean-up runs, and nothing is left of them.
#include "tests/model/designs/task_chain/graphs.h"

namespace iodrome::designs::task_chain {
namespace {

using chain::OnError;
using chain::Op;

enum class Kind { alone, cancelled, cancelled_twice, exited, cancelled_and_exited, in_time };
constexpr int kKindsOfBlows = 6;

// Most graphs take a few microseconds, and much happens in the first.
Duration random_time(Draws& draws) {
  const std::uint64_t range = draws.below(2) == 0 ? 2'000'000 : 15'000'000;
  return ps(static_cast<std::int64_t>(draws.below(range)));
}

void plan(GraphWorld& world, Draws& draws, Kind kind) {
  world.strikes_on = static_cast<std::uint32_t>(draws.below(2));
  if (kind == Kind::in_time) world.deadline_us = static_cast<std::uint32_t>(1 + draws.below(8));
  if (kind == Kind::alone || (kind == Kind::in_time && draws.below(2) == 0)) return;
  const bool both = kind == Kind::cancelled_twice || kind == Kind::cancelled_and_exited;
  world.blows.push_back({random_time(draws), kind == Kind::exited});
  if (!both) return;
  world.blows.push_back(
      {world.blows[0].after + random_time(draws), kind == Kind::cancelled_and_exited});
}

void add_random(GraphWorld& world, Draws& draws, bool may_wait) {
  constexpr OnError kRules[] = {OnError::carry_on, OnError::carry_on, OnError::stop,
                                OnError::retry};
  constexpr Fate kFatesOf[] = {Fate::well, Fate::is_short, Fate::fails, Fate::cancelled};
  chain::Step rules;
  rules.op = random_op(draws, world.steps.size());
  rules.on_error = kRules[draws.below(4)];
  if (rules.on_error == OnError::retry)
    rules.retries = static_cast<std::uint8_t>(1 + draws.below(2));
  rules.clean_up = draws.below(5) == 0;
  rules.after = waits_for(draws, world, rules);
  const bool waits = may_wait && Peers::has(rules.op);
  world.add(rules.op, kFatesOf[draws.below(waits ? 4 : 3)], rules);
  if (rules.op == Op::timeout && draws.below(2) == 0) world.steps.back().bytes = 20'000;
  sum_what_was_set(world);
}

struct Tally {
  std::uint64_t struck = 0;
  std::uint64_t by_exit = 0;
  std::uint64_t cancelled = 0;  // steps
  std::uint64_t ended = 0;      // steps of these graphs
};

void cut_graphs(std::uint64_t from, std::uint64_t count, Tally& tally) {
  for (std::uint64_t program = from; program < from + count; ++program) {
    Draws draws(program);
    GraphWorld world(kPolicies[program % std::size(kPolicies)],
                     kUserCopies[program / std::size(kPolicies) % std::size(kUserCopies)]);
    const auto kind = static_cast<Kind>(draws.below(kKindsOfBlows));
    world.buffered = draws.below(3) == 0;
    plan(world, draws, kind);
    const std::size_t steps = 4 + draws.below(World::kMost - 3);
    for (std::size_t i = 0; i < steps; ++i) add_random(world, draws, kind != Kind::alone);
    world.play_on();
    const std::string wrong = world.refused();
    const Results found = results(world.runs[0]);
    CAPTURE(program, static_cast<int>(kind), told(world), found, wrong);
    if (!wrong.empty()) FAIL("a graph has come to what it cannot");
    if (!world.struck) continue;
    const auto cut = std::ranges::count(found, chain::reference::kEcanceled);
    ++tally.struck;
    tally.by_exit += world.exits ? 1 : 0;
    tally.cancelled += static_cast<std::uint64_t>(cut);
    tally.ended += found.size() - static_cast<std::uint64_t>(cut);
  }
}

TEST_CASE("random graphs that are cut off at any time come to what their programs allow") {
  Tally tally;
  cut_graphs(0, 3000, tally);
  CHECK(tally.struck > 1000);
  CHECK(tally.by_exit > 300);
  CHECK(tally.cancelled > tally.struck);
  CHECK(tally.ended > tally.struck);
}

TEST_CASE("a hundred thousand random graphs that are cut off come to what their programs allow",
          "[.][slow]") {
  Tally tally;
  cut_graphs(400'000, 100'000, tally);
  WARN(tally.struck << " met, " << tally.by_exit << " by exit; " << tally.cancelled
                    << " steps cancelled, " << tally.ended << " had ended");
}

}  // namespace
}  // namespace iodrome::designs::task_chain
