// SPDX-License-Identifier: Apache-2.0
// Chains against the reference model: all short programs, and random long ones.
#include <catch2/catch.hpp>
#include <string>

#include "model/chain/course.h"
#include "model/chain/validate.h"
#include "model/engine/random.h"
#include "tests/model/chain/reference_model.h"

namespace iodrome::chain {
namespace {

using reference::End;
using reference::Outcome;

constexpr int kOutcomes = 6;
constexpr std::uint64_t kMemory = ~std::uint64_t{0};
const std::string kPath = "/file";

// Carries a chain out as the walker does, but at once.
End by_course(const Chain& chain, const reference::Script& script) {
  End end;
  end.results.assign(chain.steps.size(), 0);
  Course course;
  course.start(chain, end.results.data());
  std::vector<int> tries(chain.steps.size());
  while (const std::optional<std::size_t> step = course.next()) {
    for (bool over = false; !over;) {
      const Course::Numbers numbers = course.numbers(*step);
      const Outcome outcome = script(*step, tries[*step]++);
      end.tries.push_back({*step, numbers.offset, numbers.bytes});
      end.exited |= outcome == Outcome::exit;
      if (end.exited || outcome == Outcome::cancel || outcome == Outcome::too_late)
        course.stop(Errno::ecanceled);
      over = course.ended(*step, value_of(outcome, chain.steps[*step].op, numbers.bytes));
    }
  }
  CHECK(course.over());
  return end;
}

std::string listing(const Chain& chain, const End& end) {
  std::string text;
  for (std::size_t i = 0; i < chain.steps.size(); ++i)
    text += std::string(name_of(chain.steps[i].op)) + "=" + std::to_string(end.results[i]) + " ";
  return text + "in " + std::to_string(end.tries.size()) + " tries";
}

bool agree(const Chain& chain, const reference::Script& script) {
  const End expected = reference::Line(chain, script).run();
  const End found = by_course(chain, script);
  if (expected == found) return true;
  UNSCOPED_INFO("expected " << listing(chain, expected));
  UNSCOPED_INFO("found    " << listing(chain, found));
  return false;
}

// One of the four classes of steps: it opens, moves bytes, does neither, or tidies up.
Step step_of(int kind, int policy, std::size_t index, std::size_t steps) {
  Step step;
  const auto opener = index > 0 ? std::int16_t{0} : std::int16_t{-1};
  if (kind == 0) step = {.op = Op::open, .path = &kPath};
  if (kind == 1) step = {.op = Op::read, .on_short = OnShort::resume, .bytes = 4096};
  if (kind == 2) step = {.op = Op::stat};
  if (kind == 3) step = {.op = Op::close, .fd = 3};
  if (kind != 0) step.fd_from = opener;
  step.on_error = static_cast<OnError>(policy);
  if (step.on_error == OnError::retry) step.retries = 2;
  if (step.on_error == OnError::jump) step.jump_to = static_cast<std::int16_t>(steps);
  return step;
}

TEST_CASE("All programs of up to three steps end as the reference model says", "[chain]") {
  constexpr int kVariants = 4 * 4 * kOutcomes;  // classes, policies, outcomes
  std::uint64_t programs = 0;
  for (std::size_t steps = 1; steps <= 3; ++steps) {
    int all = 1;
    for (std::size_t i = 0; i < steps; ++i) all *= kVariants;
    for (int number = 0; number < all; ++number) {
      Chain chain;
      std::vector<Outcome> outcomes;
      for (int rest = number; chain.steps.size() < steps; rest /= kVariants) {
        const int variant = rest % kVariants;
        chain.steps.push_back(step_of(variant % 4, variant / 4 % 4, chain.steps.size(), steps));
        outcomes.push_back(static_cast<Outcome>(variant / 16));
      }
      // Only an open may be meant by fd_from: the others use a descriptor of their own.
      for (Step& step : chain.steps)
        if (chain.steps[0].op != Op::open) step.fd_from = -1;
      // The first try goes as scripted, those after it well.
      const bool same = agree(chain, [&](std::size_t step, int attempt) {
        return attempt == 0 ? outcomes[step] : Outcome::ok;
      });
      if (!same || validate(chain, 3, kMemory) != Errno::ok)
        FAIL("program " << number << " of " << steps);
      ++programs;
    }
  }
  CHECK(programs == 96 + 96 * 96 + 96 * 96 * 96);
}

// Draws of one random program.
class Draws {
 public:
  explicit Draws(std::uint64_t program) : program_(program) {}
  std::uint64_t below(std::uint64_t bound) {
    return iodrome::below(draw(1, Purpose::exploration, program_, count_++), bound);
  }

 private:
  std::uint64_t program_;
  std::uint64_t count_ = 0;
};

Step random_step(Draws& draws, const Chain& so_far, std::size_t steps) {
  const auto index = static_cast<std::int64_t>(so_far.steps.size());
  Step step;
  step.op = static_cast<Op>(draws.below(kOps));
  step.path = step.uses_path() ? &kPath : nullptr;
  if (step.op == Op::accept || step.op == Op::connect) step.bytes = 80;
  if (step.op == Op::poll) step.bytes = 1;
  step.on_error = static_cast<OnError>(draws.below(4));
  if (step.on_error == OnError::retry) step.retries = static_cast<std::uint8_t>(1 + draws.below(3));
  if (step.on_error == OnError::jump)
    step.jump_to = static_cast<std::int16_t>(
        index + 1 + static_cast<std::int64_t>(draws.below(steps - so_far.steps.size())));
  step.clean_up = draws.below(6) == 0;
  step.offset = draws.below(3) * 4096;
  if (step.transfers()) {
    step.on_short = static_cast<OnShort>(draws.below(3));
    constexpr std::uint64_t kSizes[] = {0, 1, 512, 4096, 10'000};
    step.bytes = kSizes[draws.below(5)];
  }
  for (std::int16_t k = 0; k < index; ++k) {
    const Step& earlier = so_far.steps[static_cast<std::size_t>(k)];
    // A descriptor, or the event that names a file.
    const Op giver = step.uses_path() ? Op::inotify : Op::open;
    if (earlier.op == giver && step.op != Op::inotify && draws.below(2) == 0) step.fd_from = k;
    if (!step.transfers() || !(earlier.transfers() || earlier.op == Op::stat)) continue;
    if (draws.below(3) == 0) step.offset_from = {k, draws.below(2) == 0};
    if (draws.below(3) == 0) step.bytes_from = {k, false};
  }
  if (draws.below(4) != 0) return step;
  step.loop = {static_cast<std::int16_t>(draws.below(static_cast<std::uint64_t>(index) + 1)),
               static_cast<std::uint32_t>((step.transfers() ? 0 : 1) + draws.below(3))};
  if (step.transfers() && draws.below(2) == 0)
    step.offset_from = {static_cast<std::int16_t>(index), true};
  return step;
}

void random_programs(std::uint64_t count) {
  std::uint64_t carried_out = 0;
  std::uint64_t refused = 0;
  for (std::uint64_t number = 0; carried_out < count; ++number) {
    Draws draws(number);
    const std::size_t steps = 4 + draws.below(5);
    Chain chain;
    while (chain.steps.size() < steps) chain.steps.push_back(random_step(draws, chain, steps));
    if (validate(chain, 8, kMemory) != Errno::ok) {  // loops that overlap
      ++refused;
      continue;
    }
    ++carried_out;
    const bool same = agree(chain, [number](std::size_t step, int attempt) {
      const auto counter = static_cast<std::uint64_t>(attempt) << 8 | step;
      const std::uint64_t x = below(draw(2, Purpose::exploration, number, counter), 16);
      return x < 9                ? Outcome::ok
             : x < 12             ? Outcome::is_short
             : x < 15             ? Outcome::error
             : (attempt & 1) != 0 ? Outcome::too_late
                                  : Outcome::cancel;
    });
    if (!same) FAIL("program " << number);
  }
  CHECK(refused < carried_out);
}

TEST_CASE("100,000 programs of four to eight steps end as the reference model says", "[chain]") {
  random_programs(100'000);
}

}  // namespace
}  // namespace iodrome::chain
