// SPDX-License-Identifier: Apache-2.0
// Whatever the oracle decides about wake-ups, interrupts and memory, requests end as they should.
#include <array>

#include "model/explore/random_walk.h"
#include "tests/model/testbed/scripted.h"

using namespace iodrome;
using namespace iodrome::tests;

namespace {

const std::string kSmall = "/small";
const std::string kLarge = "/large";

// Walks at random where one of the kinds is decided, and counts how often that was.
class WalkOver final : public ChoiceOracle {
 public:
  WalkOver(std::uint64_t seed, std::initializer_list<Choice> kinds) : walk_(seed), kinds_(kinds) {}
  std::uint32_t choose(Choice kind, std::uint32_t options, const char* site) override {
    if (std::find(kinds_.begin(), kinds_.end(), kind) == kinds_.end()) return 0;
    const std::uint32_t picked = walk_.choose(kind, options, site);
    others[static_cast<std::size_t>(kind)] += picked != 0;
    return picked;
  }
  std::array<std::uint64_t, 7> others{};  // by kind: decisions other than the default

 private:
  explore::RandomWalk walk_;
  std::vector<Choice> kinds_;
};

Script mixed(bool direct) {
  Script script;
  script.files = {{kSmall, 5'000}, {kLarge, 200'000}};
  script.direct = direct;
  for (int client = 0; client < 5; ++client)
    script.clients.push_back(
        {{open_step(kSmall), stat_step(0), send_step(0, 0, 5'000), close_step(0)},
         {open_step(kLarge), read_step(0, 8192, 32'768), close_step(0)},
         {open_step(kLarge), send_step(0, 0, 200'000), close_step(0)}});
  return script;
}

}  // namespace

TEST_CASE("in whatever order events, wake-ups, interrupts and stores come, every byte arrives") {
  std::array<std::uint64_t, 7> others{};
  for (const std::string& design : design_names())
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
      CAPTURE(design, seed);
      WalkOver oracle(seed, {Choice::order, Choice::wake, Choice::interrupt, Choice::completion});
      testbed::RunOptions options;
      options.oracle = &oracle;
      const Outcome outcome = play(mixed(seed % 2 == 1), design, {{"cpu.count", "3"}}, options);
      CHECK(outcome.record.requests.error_count() == 0);
      CHECK(outcome.streams == std::vector<std::uint64_t>(5, 205'000));
      CHECK(outcome.open_after == outcome.open_before);
      for (std::size_t i = 0; i < others.size(); ++i) others[i] += oracle.others[i];
    }
  for (const Choice kind : {Choice::order, Choice::wake, Choice::interrupt, Choice::completion})
    CHECK(others[static_cast<std::size_t>(kind)] > 0);
}

TEST_CASE("with memory short at random every request still ends once") {
  for (const std::string& design : design_names())
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      CAPTURE(design, seed);
      WalkOver oracle(seed, {Choice::allocation, Choice::interrupt, Choice::wake});
      testbed::RunOptions options;
      options.oracle = &oracle;
      const Outcome outcome = play(mixed(seed % 2 == 1), design, {{"cpu.count", "3"}}, options);
      for (const auto& chains : outcome.ends)
        for (const auto& ends : chains) CHECK(ends.size() == 1);
      CHECK(outcome.open_after == outcome.open_before);
      CHECK(outcome.page_holders_after == 0);
      CHECK(oracle.others[static_cast<std::size_t>(Choice::allocation)] > 0);
    }
}
