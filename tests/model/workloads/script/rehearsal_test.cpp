// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/script/rehearsal.h"

#include <catch2/catch.hpp>

namespace iodrome::workloads {
namespace {

using chain::Chain;
using chain::Op;
using chain::Step;
const std::string kPath = "/f";

Step sending(std::uint64_t bytes) {
  Step step{.op = Op::send, .fd_from = 0, .bytes = bytes};
  step.offset_from.step = 1;
  step.offset_from.total = true;
  return step;
}

}  // namespace

TEST_CASE("a rehearsed loop sends a file to its end, and asks once more") {
  Chain chain;
  chain.steps.push_back({.op = Op::open, .path = &kPath});
  chain.steps.push_back(sending(4096));
  chain.steps[1].loop.to = 1;
  const Rehearsal played = rehearse(chain, {{kPath, 10'000}});
  REQUIRE(played.sent.size() == 4);
  const std::uint64_t bytes[] = {4096, 4096, 1808, 0};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(played.sent[i].step == 1);
    CHECK(played.sent[i].offset == std::min<std::uint64_t>(i * 4096, 10'000));
    CHECK(played.sent[i].bytes == bytes[i]);
  }
  CHECK_FALSE(played.too_long);
}

TEST_CASE("a rehearsal knows how far a chain reaches into its memory") {
  Chain chain;
  chain.steps.push_back({.op = Op::open, .path = &kPath});
  chain.steps.push_back({.op = Op::read, .fd_from = 0, .bytes = 100, .memory = 8192});
  CHECK(rehearse(chain, {{kPath, 4096}}).memory_bytes == 8292);
  chain.steps.push_back({.op = Op::exclusive_or, .sources = 3, .offset = 4096, .bytes = 8192});
  CHECK(rehearse(chain, {{kPath, 4096}}).memory_bytes == 4096 + 3 * 8192);
  chain.steps.push_back({.op = Op::memset, .fd_from = -1, .bytes = 1, .memory = 65'536});
  CHECK(rehearse(chain, {{kPath, 4096}}).memory_bytes == 65'537);
  // As much as was read, which the file's size decides.
  chain.steps.push_back({.op = Op::crc32c, .memory = 131'072});
  chain.steps[4].bytes_from.step = 1;
  CHECK(rehearse(chain, {{kPath, 60}}).memory_bytes == 131'072 + 60);
}

TEST_CASE("a loop that ends with its stream is rehearsed for one round") {
  Chain chain;
  chain.steps.push_back({.op = Op::accept, .bytes = 7});
  chain.steps.push_back({.op = Op::receive, .fd_from = 0, .bytes = 4096, .memory = 8192});
  chain.steps.push_back({.op = Op::send, .memory = 8192});
  chain.steps[2].to_fd = 0;
  chain.steps[2].to_opened = true;
  chain.steps[2].bytes_from.step = 1;
  chain.steps[2].loop.to = 1;
  chain.steps.push_back({.op = Op::crc32c, .bytes = 60'000});
  const Rehearsal played = rehearse(chain, {});
  CHECK_FALSE(played.too_long);
  CHECK(played.memory_bytes == 60'000);
  CHECK(played.sent.empty());
  chain.steps.pop_back();
  CHECK(rehearse(chain, {}).memory_bytes == 8192 + 4096);
  chain.steps.push_back({.op = Op::crc32c, .memory = 65'536});
  chain.steps[3].bytes_from.step = 1;
  chain.steps[3].bytes_from.total = true;
  CHECK(rehearse(chain, {}).memory_bytes == 65'536 + 4096);
  // With a bound the peer may fill all rounds.
  chain.steps[2].loop.rounds = 3;
  CHECK(rehearse(chain, {}).memory_bytes == 65'536 + 3 * 4096);
}

TEST_CASE("what a chain writes lengthens its file, and truncating empties it") {
  Chain chain;
  chain.steps.push_back({.op = Op::open, .path = &kPath});
  chain.steps.push_back({.op = Op::write, .fd_from = 0, .offset = 1000, .bytes = 500});
  chain.steps.push_back({.op = Op::stat, .fd_from = 0});
  chain.steps.push_back({.op = Op::send, .fd_from = 0, .bytes = 9000});
  CHECK(rehearse(chain, {{kPath, 10}}).sent[0].bytes == 1500);
  CHECK(rehearse(chain, {{kPath, 4000}}).sent[0].bytes == 4000);
  chain.steps[0].truncate = true;
  CHECK(rehearse(chain, {{kPath, 4000}}).sent[0].bytes == 1500);
}

TEST_CASE("a chain that does not come to an end in ten million steps is told apart") {
  Chain chain;
  chain.steps.push_back({.op = Op::nop});
  chain.steps[0].loop.to = 0;
  chain.steps[0].loop.rounds = 9'999'999;
  CHECK_FALSE(rehearse(chain, {}).too_long);
  chain.steps[0].loop.rounds = 10'000'001;
  CHECK(rehearse(chain, {}).too_long);
}

}  // namespace iodrome::workloads
