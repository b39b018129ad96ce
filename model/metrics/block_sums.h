// SPDX-License-Identifier: Apache-2.0
// Latency sums over blocks of consecutive requests: what a comparison of two runs pairs, block by
// block, since block k holds the same requests in both.
#pragma once
#include <cstdint>
#include <vector>

#include "model/engine/time.h"

namespace iodrome::metrics {

/// At most kBlocks blocks of one size, a power of two that grows with the largest request number.
///
/// Order: the result depends on the set of requests, not on the order in which they end.
class BlockSums {
 public:
  static constexpr std::size_t kBlocks = 128;
  struct Block {
    std::uint64_t count = 0;
    Duration latency{};
  };

  void add(std::uint64_t request, Duration latency) {
    while (request >> shift_ >= kBlocks) halve();
    const auto block = static_cast<std::size_t>(request >> shift_);
    if (block >= blocks_.size()) blocks_.resize(block + 1);
    ++blocks_[block].count;
    blocks_[block].latency += latency;
  }
  /// Requests to a block; their numbers are consecutive.
  std::uint64_t block_size() const { return std::uint64_t{1} << shift_; }
  const std::vector<Block>& blocks() const { return blocks_; }

 private:
  void halve() {
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      const Block block = blocks_[i];
      if (i % 2 == 0) blocks_[i / 2] = {};
      blocks_[i / 2].count += block.count;
      blocks_[i / 2].latency += block.latency;
    }
    blocks_.resize((blocks_.size() + 1) / 2);
    ++shift_;
  }

  std::vector<Block> blocks_;
  int shift_ = 0;
};

}  // namespace iodrome::metrics
