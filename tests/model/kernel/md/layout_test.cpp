// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/md/layout.h"

#include <catch2/catch.hpp>
#include <set>
#include <vector>

using namespace iodrome::kernel;

namespace {

constexpr int kParity = -1;
using Table = std::vector<std::vector<int>>;

// Chunks by row and member, as the layout places them.
Table table_of(const Raid5Layout& layout) {
  Table table(layout.members, std::vector<int>(layout.members, kParity));
  const std::uint64_t chunks = std::uint64_t{layout.members} * (layout.members - 1);
  for (std::uint64_t chunk = 0; chunk < chunks; ++chunk) {
    const auto place = layout.locate(chunk * layout.chunk_sectors);
    table[place.sector / layout.chunk_sectors][place.member] = static_cast<int>(chunk);
    CHECK(place.parity == layout.parity_at(place.sector));
  }
  return table;
}

}  // namespace

// The tables are drawn by hand from the description of left-symmetric in md(4) and in Linux.
TEST_CASE("the rotation is Linux's left-symmetric one, of four and of five members") {
  CHECK(table_of({4, 8}) ==
        Table{{0, 1, 2, kParity}, {4, 5, kParity, 3}, {8, kParity, 6, 7}, {kParity, 9, 10, 11}});
  CHECK(table_of({5, 128}) == Table{{0, 1, 2, 3, kParity},
                                    {5, 6, 7, kParity, 4},
                                    {10, 11, kParity, 8, 9},
                                    {15, kParity, 12, 13, 14},
                                    {kParity, 16, 17, 18, 19}});
}

TEST_CASE("every sector of the array has a place of its own, and the place leads back to it") {
  for (const std::uint32_t members : {3u, 4u, 5u, 8u}) {
    const Raid5Layout layout{members, 16};
    std::set<std::pair<std::uint64_t, std::uint32_t>> places;
    const std::uint64_t sectors = 16 * members * (members - 1) * 2;
    for (std::uint64_t sector = 0; sector < sectors; ++sector) {
      const auto place = layout.locate(sector);
      CHECK(place.member != place.parity);
      CHECK(layout.array_sector(place.sector, place.member) == sector);
      places.insert({place.sector, place.member});
    }
    CHECK(places.size() == sectors);
    CHECK(std::prev(places.end())->first == 16 * members * 2 - 1);
  }
}
