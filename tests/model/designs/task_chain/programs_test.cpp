// SPDX-License-Identifier: Apache-2.0
// Programs carried out by the kernel, with a disk that fails and users that cancel or exit, against
// the reference model: same results, same bytes, same descriptors open at the end.
#include "tests/model/designs/task_chain/random_steps.h"

namespace iodrome::designs::task_chain {
namespace {

using chain::OnError;
using chain::Op;

constexpr Op kClasses[] = {Op::open, Op::read, Op::nop, Op::close};
constexpr int kRules = 4;  // what a step does when it fails
constexpr int kVariants = 4 * kRules * kFates;

void compare(World& world) {
  world.play();
  const Results found = results(world.runs[0]);
  const chain::reference::End expected = world.expected();
  const bool same = found == expected.results && world.exits == expected.exited &&
                    world.same_bytes() && world.same_descriptors(expected) &&
                    world.queue.slots_free() == 4 && world.carriers_rest();
  if (same) return;
  CAPTURE(told(world), found, expected.results, expected.exited, world.same_bytes(),
          world.same_descriptors(expected));
  FAIL("the kernel and the reference model differ");
}

void all_programs(std::size_t steps, chain::Continue policy) {
  int all = 1;
  for (std::size_t i = 0; i < steps; ++i) all *= kVariants;
  for (int number = 0; number < all; ++number) {
    World world(policy);
    for (int rest = number; world.steps.size() < steps; rest /= kVariants) {
      const int variant = rest % kVariants;
      chain::Step rules;
      rules.on_error = static_cast<OnError>(variant / 4 % kRules);
      if (rules.on_error == OnError::retry) rules.retries = 1;
      if (rules.on_error == OnError::jump) rules.jump_to = static_cast<std::int16_t>(steps);
      world.add(kClasses[variant % 4], static_cast<Fate>(variant / 4 / kRules), rules);
    }
    CAPTURE(number, steps);
    compare(world);
  }
}

chain::Step random_rules(Draws& draws, std::size_t index, std::size_t steps) {
  chain::Step rules;
  rules.on_error = static_cast<OnError>(draws.below(4));
  if (rules.on_error == OnError::retry)
    rules.retries = static_cast<std::uint8_t>(1 + draws.below(2));
  if (rules.on_error == OnError::jump)
    rules.jump_to = static_cast<std::int16_t>(index + 1 + draws.below(steps - index));
  rules.clean_up = draws.below(6) == 0;
  return rules;
}

// A loop must not lie across another one.
void close_loop(Draws& draws, std::size_t index, const World& world, chain::Step& rules) {
  const std::size_t to = draws.below(index + 1);
  for (std::size_t k = to; k < index; ++k)
    if (world.steps[k].loop.used() && world.steps[k].loop.to < static_cast<std::int16_t>(to))
      return;
  rules.loop = {static_cast<std::int16_t>(to), static_cast<std::uint32_t>(1 + draws.below(3))};
}

void random_programs(std::uint64_t from, std::uint64_t count) {
  for (std::uint64_t program = from; program < from + count; ++program) {
    Draws draws(program);
    World world(kPolicies[program % std::size(kPolicies)],
                kUserCopies[program / std::size(kPolicies) % std::size(kUserCopies)]);
    const std::size_t steps = 4 + draws.below(World::kMost - 3);
    for (std::size_t i = 0; i < steps; ++i) {
      const Op op = random_op(draws, i);
      chain::Step rules = random_rules(draws, i, steps);
      if (op == Op::read || op == Op::send || op == Op::receive)
        rules.on_short = static_cast<chain::OnShort>(draws.below(3));
      if (draws.below(5) == 0) close_loop(draws, i, world, rules);
      const bool plain = draws.below(2) == 0;
      world.add(op, plain ? Fate::well : static_cast<Fate>(draws.below(kFates)), rules);
    }
    CAPTURE(program);
    compare(world);
  }
}

void random_graphs(std::uint64_t from, std::uint64_t count) {
  for (std::uint64_t program = from; program < from + count; ++program) {
    Draws draws(program);
    World world(kPolicies[program % std::size(kPolicies)],
                kUserCopies[program / std::size(kPolicies) % std::size(kUserCopies)]);
    world.graph = true;
    const std::size_t steps = 4 + draws.below(World::kMost - 3);
    for (std::size_t i = 0; i < steps; ++i) {
      chain::Step rules;
      rules.op = random_op(draws, i);
      rules.on_error = OnError::carry_on;
      rules.after = waits_for(draws, world, rules);
      constexpr Fate kHarmless[] = {Fate::well, Fate::is_short, Fate::fails};
      world.add(rules.op, kHarmless[draws.below(3)], rules);
      sum_what_was_set(world);
    }
    CAPTURE(program);
    compare(world);
  }
}

TEST_CASE("random graphs of every kind of step end as the reference model says") {
  random_graphs(200'000, 2000);
}

TEST_CASE("a hundred thousand random graphs end as the reference model says", "[.][slow]") {
  random_graphs(300'000, 100'000);
}

TEST_CASE("all programs of one and two steps end as the reference model says") {
  for (const chain::Continue policy : kPolicies) all_programs(1, policy);
  all_programs(2, chain::Continue::cheapest);
}

TEST_CASE("random programs of every kind of step end as the reference model says") {
  random_programs(0, 2000);
}

TEST_CASE("all programs of three steps end as the reference model says", "[.][slow]") {
  all_programs(3, chain::Continue::cheapest);
}

TEST_CASE("a hundred thousand random programs end as the reference model says", "[.][slow]") {
  random_programs(2000, 100'000);
}

}  // namespace
}  // namespace iodrome::designs::task_chain
