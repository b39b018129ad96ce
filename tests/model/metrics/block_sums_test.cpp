// SPDX-License-Identifier: Apache-2.0
#include "model/metrics/block_sums.h"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace iodrome;
using metrics::BlockSums;

namespace {

BlockSums sums_of(const std::vector<std::uint64_t>& requests) {
  BlockSums sums;
  for (const std::uint64_t request : requests)
    sums.add(request, ps(static_cast<std::int64_t>(request) + 1));
  return sums;
}

}  // namespace

TEST_CASE("few requests have a block each") {
  const BlockSums sums = sums_of({0, 1, 2, 127});
  CHECK(sums.block_size() == 1);
  REQUIRE(sums.blocks().size() == 128);
  CHECK(sums.blocks()[2].latency == ps(3));
  CHECK(sums.blocks()[3].count == 0);
}

TEST_CASE("a block holds the sum of consecutive requests, however many there are") {
  std::vector<std::uint64_t> requests(1000);
  for (std::size_t i = 0; i < requests.size(); ++i) requests[i] = i;
  const BlockSums sums = sums_of(requests);
  CHECK(sums.block_size() == 8);
  REQUIRE(sums.blocks().size() == 125);
  for (std::size_t k = 0; k < 125; ++k) {
    CHECK(sums.blocks()[k].count == 8);
    const auto first = static_cast<std::int64_t>(8 * k);
    CHECK(sums.blocks()[k].latency == ps(8 * first + 36));
  }
}

TEST_CASE("the order in which requests end does not change the blocks") {
  std::vector<std::uint64_t> requests;
  for (std::uint64_t i = 0; i < 3000; i += 3) requests.push_back(i);
  const BlockSums forward = sums_of(requests);
  std::reverse(requests.begin(), requests.end());
  const BlockSums backward = sums_of(requests);
  CHECK(forward.block_size() == backward.block_size());
  REQUIRE(forward.blocks().size() == backward.blocks().size());
  for (std::size_t k = 0; k < forward.blocks().size(); ++k) {
    CHECK(forward.blocks()[k].count == backward.blocks()[k].count);
    CHECK(forward.blocks()[k].latency == backward.blocks()[k].latency);
  }
}
