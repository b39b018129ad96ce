// SPDX-License-Identifier: Apache-2.0
// The simplest explorer: every decision is drawn uniformly.
#pragma once
#include "model/explore/replay.h"

namespace iodrome::explore {

/// Picks each option with equal probability; the n-th decision depends on the seed and on n alone.
class RandomWalk final : public ChoiceOracle {
 public:
  explicit RandomWalk(std::uint64_t seed) : seed_(seed) {}
  std::uint32_t choose(Choice kind, std::uint32_t options, const char* site) override;
  /// What was decided so far; Replay repeats it.
  const std::vector<Decision>& record() const { return record_; }

 private:
  std::uint64_t seed_;
  std::vector<Decision> record_;
};

}  // namespace iodrome::explore
