// SPDX-License-Identifier: Apache-2.0
// Latencies in log-linear bins: 512 per power of two, so a quantile is at most 0.2 % above the true
// one.
#pragma once
#include <cstdint>
#include <vector>

#include "model/engine/time.h"

namespace iodrome::metrics {

class LatencyHistogram {
 public:
  LatencyHistogram() : bins_((64 - kSubBits) << kSubBits) {}

  void add(Duration latency);
  std::uint64_t count() const { return count_; }
  Duration total() const { return total_; }
  Duration max() const { return max_; }
  Duration mean() const;
  /// The smallest latency that `parts_per_million` of all do not exceed, as the upper end of its
  /// bin; the maximum is exact.
  Duration quantile(std::int64_t parts_per_million) const;
  /// How many latencies each bin holds.
  const std::vector<std::uint64_t>& bins() const { return bins_; }

  static constexpr int kSubBits = 9;

 private:
  static std::size_t bin_of(std::uint64_t value);
  static std::uint64_t last_of(std::size_t bin);

  std::vector<std::uint64_t> bins_;
  std::uint64_t count_ = 0;
  Duration total_{};
  Duration max_{};
};

}  // namespace iodrome::metrics
