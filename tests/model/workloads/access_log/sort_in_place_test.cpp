// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/access_log/sort_in_place.h"

#include <catch2/catch.hpp>
#include <deque>
#include <utility>

#include "model/engine/random.h"

using namespace iodrome;
using namespace iodrome::workloads;

namespace {

using Stamped = std::pair<std::uint64_t, std::size_t>;  // when, and which line

bool earlier(const Stamped& a, const Stamped& b) {
  return a.first < b.first;
}

/// `stamp(line)` of 200,000 lines: enough for six buffers.
template <class Stamp>
std::deque<Stamped> lines_with(Stamp stamp) {
  std::deque<Stamped> lines;
  for (std::size_t line = 0; line < 200'000; ++line) lines.emplace_back(stamp(line), line);
  return lines;
}

}  // namespace

TEST_CASE("sorting in place puts everything in order and keeps the order of equals") {
  const auto random = [](std::size_t line) { return draw(1, Purpose::arrival_spread, line); };
  std::deque<Stamped> lines;
  SECTION("nothing is near its place") {
    lines = lines_with(random);
  }
  SECTION("many are equal") {
    lines = lines_with([&](std::size_t line) { return random(line) % 100; });
  }
  SECTION("little is far from its place") {
    lines = lines_with([&](std::size_t line) { return line / 2000 * 2000 + random(line) % 3000; });
  }
  SECTION("backwards") {
    lines = lines_with([](std::size_t line) { return 200'000 - line / 3; });
  }
  SECTION("nothing at all") {}
  sort_in_place(lines.begin(), lines.end(), earlier);
  // Numbers of lines break ties: as a pair they ascend strictly.
  REQUIRE(std::is_sorted(lines.begin(), lines.end(), std::less_equal<>()));
}
