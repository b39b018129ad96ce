// SPDX-License-Identifier: Apache-2.0
// Which reads may be copied late.
#include "model/chain/delivery.h"

#include <catch2/catch.hpp>

namespace iodrome::chain {
namespace {

constexpr std::uint64_t kAll = 65'536;

// Whether a read of the second two of four pages may wait, with that step behind it.
bool waits(const Step& other) {
  Chain chain;
  chain.steps.push_back({.op = Op::open});
  chain.steps.push_back({.op = Op::read, .fd_from = 0, .bytes = 8192, .memory = 8192});
  chain.steps.push_back(other);
  return may_wait(chain, 1, kAll);
}

}  // namespace

TEST_CASE("a read waits unless another step touches its place in memory") {
  for (std::uint64_t page = 0; page < 8; ++page) {
    CAPTURE(page);
    const std::uint64_t at = page * 4096;
    const bool meets = page == 2 || page == 3;
    for (const Op op : {Op::read, Op::receive, Op::memset, Op::crc32c})
      CHECK(waits({.op = op, .offset = 8192, .bytes = 4096, .memory = at}) == !meets);
    const bool one_before = meets || page == 1;  // two pages from there on
    CHECK(waits({.op = Op::copy, .offset = at, .bytes = 8192, .memory = 40'960}) == !one_before);
    CHECK(waits({.op = Op::copy, .offset = 40'960, .bytes = 8192, .memory = at}) == !one_before);
    CHECK(waits({.op = Op::hash, .offset = 40'960, .bytes = 8192, .memory = at}) == !meets);
    CHECK(waits({.op = Op::exclusive_or,
                 .sources = 2,
                 .offset = at,
                 .bytes = 4096,
                 .memory = 40'960}) == !one_before);
    CHECK(waits({.op = Op::send, .to_fd = 3, .bytes = 4096, .memory = at}) == !meets);
    CHECK(waits({.op = Op::inotify, .memory = at}) == !meets);
  }
}

TEST_CASE("a length that only the run tells may be all that there is behind its place") {
  const Step before{.op = Op::crc32c, .bytes_from = {.step = 0}, .memory = 0};
  const Step behind{.op = Op::crc32c, .bytes_from = {.step = 0}, .memory = 16'384};
  CHECK_FALSE(waits(before));
  CHECK(waits(behind));
}

TEST_CASE("what sends files or closes them is in no read's way, what writes to any is") {
  CHECK(waits({.op = Op::send, .fd_from = 0, .to_fd = 3, .bytes = 8192, .memory = 8192}));
  CHECK(waits({.op = Op::close, .fd_from = 0, .memory = 8192}));
  CHECK_FALSE(waits({.op = Op::write, .fd_from = 0, .bytes = 4096, .memory = 0}));
  Step empties{.op = Op::open};
  empties.truncate = true;
  CHECK_FALSE(waits(empties));
}

TEST_CASE("where the chain goes round no read waits") {
  CHECK_FALSE(waits({.op = Op::nop, .loop = {2, 3}}));
}

TEST_CASE("room is taken and given back page by page, and no more than there is") {
  Deliveries::Limit limit{10, 0};
  Deliveries of(limit);
  Deliveries other(limit);
  CHECK(of.reserve(7));
  CHECK_FALSE(other.reserve(4));
  CHECK(other.reserve(3));
  CHECK(limit.used == 10);
  of.give_back(7);
  CHECK(other.reserve(7));
  other.give_back(10);
  CHECK(limit.used == 0);
}

}  // namespace iodrome::chain
