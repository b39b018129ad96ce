// SPDX-License-Identifier: Apache-2.0
// What comes next in a chain: graphs, cancellation, and the rules one by one.
#include "model/chain/course.h"

#include <catch2/catch.hpp>
#include <set>

#include "model/engine/random.h"

namespace iodrome::chain {
namespace {

constexpr std::int64_t kEio = -static_cast<std::int64_t>(Errno::eio);
constexpr std::int64_t kCanceled = -static_cast<std::int64_t>(Errno::ecanceled);
const std::string kPath = "/file";

struct Rig {
  explicit Rig(Chain of) : chain(std::move(of)), results(chain.steps.size()) {
    course.start(chain, results.data());
  }
  // All steps that may begin now.
  std::vector<std::size_t> begin() {
    std::vector<std::size_t> begun;
    while (const auto step = course.next()) begun.push_back(*step);
    return begun;
  }
  Chain chain;
  std::vector<std::int64_t> results;
  Course course;
};
using Steps = std::vector<std::size_t>;

Chain three_reads_and_a_join() {
  Chain chain{.graph = true, .steps = {}};
  for (int i = 0; i < 3; ++i) chain.steps.push_back({.op = Op::read, .fd = 3, .bytes = 4096});
  chain.steps.push_back({.op = Op::write, .fd = 3, .bytes = 4096, .after = 0b111});
  chain.steps.push_back({.op = Op::close, .clean_up = true, .fd = 3, .after = 0b1000});
  return chain;
}

TEST_CASE("Branches of a graph run beside each other and a join waits for all", "[chain]") {
  Rig rig(three_reads_and_a_join());
  CHECK(rig.begin() == Steps{0, 1, 2});
  for (const std::size_t step : {2U, 0U}) {
    rig.course.ended(step, 4096);
    CHECK(rig.begin().empty());
  }
  rig.course.ended(1, 4096);
  CHECK(rig.begin() == Steps{3});
  rig.course.ended(3, 4096);
  CHECK_FALSE(rig.course.over());
  CHECK(rig.begin() == Steps{4});
  rig.course.ended(4, 0);
  CHECK(rig.course.over());
}

TEST_CASE("A branch that fails cancels what has not begun, not what runs", "[chain]") {
  Rig rig(three_reads_and_a_join());
  rig.begin();
  rig.course.ended(0, kEio);
  CHECK(rig.begin().empty());
  rig.course.ended(1, 4096);
  rig.course.ended(2, 4096);
  CHECK(rig.begin() == Steps{4});  // the clean-up, and only after all it comes behind
  rig.course.ended(4, 0);
  CHECK(rig.course.over());
  CHECK(rig.results == std::vector<std::int64_t>{kEio, 4096, 4096, kCanceled, 0});
}

TEST_CASE("A cancelled graph ends what runs and then tidies up", "[chain]") {
  Rig rig(three_reads_and_a_join());
  rig.begin();
  rig.course.stop(Errno::ecanceled);
  for (const std::size_t step : {0U, 1U, 2U}) rig.course.ended(step, kCanceled);
  CHECK(rig.begin() == Steps{4});
}

TEST_CASE("A step that is cut keeps what it has moved, and the chain's error is why", "[chain]") {
  for (const std::int64_t moved : {1000, 4096}) {
    Chain chain;
    chain.steps.push_back({.op = Op::send, .on_short = OnShort::resume, .fd = 3, .bytes = 8192});
    chain.steps.push_back({.clean_up = true});
    Rig rig(std::move(chain));
    CHECK(rig.course.next() == 0U);
    CHECK_FALSE(rig.course.ended(0, moved));
    rig.course.stop(Errno::etime);
    CHECK(rig.course.gives_up(0));
    rig.course.cut(0, 96);
    CHECK(rig.course.next() == 1U);
    CHECK_FALSE(rig.course.gives_up(1));
    rig.course.ended(1, 0);
    CHECK(rig.results == std::vector<std::int64_t>{moved + 96, 0});
    CHECK(rig.course.first_error() == Errno::etime);
  }
}

TEST_CASE("A graph of 64 steps comes to its end", "[chain]") {
  Chain chain{.graph = true, .steps = {}};
  for (std::size_t i = 0; i < kMaxGraphSteps; ++i)
    chain.steps.push_back({.after = i == 0 ? 0 : std::uint64_t{1} << (i - 1)});
  Rig rig(std::move(chain));
  for (std::size_t i = 0; i < kMaxGraphSteps; ++i) {
    CHECK(rig.begin() == Steps{i});
    rig.course.ended(i, 0);
  }
  CHECK(rig.course.over());
}

// What a graph owes at any moment, from the definition alone.
struct Owed {
  std::set<std::size_t> begun, ended, cancelled;
  bool stopped = false;

  std::set<std::size_t> may_begin(const Chain& chain) {
    std::set<std::size_t> now;
    for (bool more = true; more;) {
      more = false;
      for (std::size_t i = 0; i < chain.steps.size(); ++i) {
        if (begun.contains(i) || cancelled.contains(i)) continue;
        bool ready = true;
        for (std::size_t k = 0; k < i; ++k)
          if ((chain.steps[i].after >> k & 1) != 0)
            ready = ready && (ended.contains(k) || cancelled.contains(k));
        if (!ready) continue;
        more = true;
        if (stopped && !chain.steps[i].clean_up)
          cancelled.insert(i);
        else
          begun.insert(i), now.insert(i);
      }
    }
    return now;
  }
};

TEST_CASE("Random graphs begin exactly what has nothing left to wait for", "[chain]") {
  for (std::uint64_t number = 0; number < 3'000; ++number) {
    std::uint64_t count = 0;
    const auto below_ = [&](std::uint64_t bound) {
      return below(draw(3, Purpose::exploration, number, count++), bound);
    };
    Chain chain{.graph = true, .steps = {}};
    const std::size_t steps = 2 + below_(7);
    for (std::size_t i = 0; i < steps; ++i)
      chain.steps.push_back({.on_error = static_cast<OnError>(below_(2)),
                             .clean_up = below_(4) == 0,
                             .after = below_(1U << i)});
    Rig rig(chain);
    Owed owed;
    std::set<std::size_t> running;
    for (;;) {
      const Steps begun = rig.begin();
      const std::set<std::size_t> expected = owed.may_begin(chain);
      REQUIRE(std::set<std::size_t>(begun.begin(), begun.end()) == expected);
      running.insert(begun.begin(), begun.end());
      if (running.empty()) break;
      const auto ends =
          std::next(running.begin(), static_cast<std::ptrdiff_t>(below_(running.size())));
      const std::int64_t result = below_(4) == 0 ? kEio : 0;
      owed.stopped = owed.stopped || (result < 0 && chain.steps[*ends].on_error == OnError::stop);
      owed.ended.insert(*ends);
      rig.course.ended(*ends, result);
      running.erase(ends);
    }
    REQUIRE(rig.course.over());
    for (const std::size_t i : owed.cancelled) REQUIRE(rig.results[i] == kCanceled);
  }
}

TEST_CASE("A file of unknown length is moved piece by piece until nothing comes", "[chain]") {
  Chain chain;
  chain.steps.push_back({.op = Op::open, .path = &kPath});
  chain.steps.push_back({.op = Op::send,
                         .fd_from = 0,
                         .to_fd = 4,
                         .offset_from = {1, true},
                         .loop = {1, 0},
                         .bytes = 4096});
  chain.steps.push_back({.op = Op::close, .fd_from = 0});
  Rig rig(std::move(chain));
  CHECK(rig.begin() == Steps{0});
  rig.course.ended(0, 0);
  std::uint64_t at = 0;
  for (const std::int64_t piece : {4096, 4096, 100, 0}) {
    REQUIRE(rig.begin() == Steps{1});
    CHECK(rig.course.numbers(1).offset == at);
    rig.course.ended(1, piece);
    at += static_cast<std::uint64_t>(piece);
  }
  CHECK(rig.begin() == Steps{2});
}

}  // namespace
}  // namespace iodrome::chain
