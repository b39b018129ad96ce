// SPDX-License-Identifier: Apache-2.0
#include "model/metrics/latency_histogram.h"

#include <algorithm>
#include <bit>

namespace iodrome::metrics {

// Values below 2^kSubBits have a bin each; above, the kSubBits bits behind the leading one choose
// it.
std::size_t LatencyHistogram::bin_of(std::uint64_t value) {
  const int width = std::bit_width(value);
  if (width <= kSubBits) return value;
  const int shift = width - 1 - kSubBits;
  return (static_cast<std::size_t>(shift + 1) << kSubBits) + ((value >> shift) - (1u << kSubBits));
}

std::uint64_t LatencyHistogram::last_of(std::size_t bin) {
  if (bin < (1u << kSubBits)) return bin;
  const std::size_t shift = (bin >> kSubBits) - 1;
  const std::uint64_t mantissa = (bin & ((1u << kSubBits) - 1)) + (1u << kSubBits);
  return ((mantissa + 1) << shift) - 1;
}

void LatencyHistogram::add(Duration latency) {
  ++bins_[bin_of(static_cast<std::uint64_t>(latency.count()))];
  ++count_;
  total_ += latency;
  max_ = std::max(max_, latency);
}

Duration LatencyHistogram::mean() const {
  return count_ == 0 ? Duration{0} : total_ / static_cast<std::int64_t>(count_);
}

Duration LatencyHistogram::quantile(std::int64_t parts_per_million) const {
  if (count_ == 0) return Duration{0};
  const std::uint64_t ppm = static_cast<std::uint64_t>(parts_per_million);
  const std::uint64_t rank = std::max<std::uint64_t>(1, (count_ * ppm + 999'999) / 1'000'000);
  std::uint64_t seen = 0;
  for (std::size_t bin = 0; bin < bins_.size(); ++bin) {
    seen += bins_[bin];
    if (seen >= rank) return std::min(max_, ps(static_cast<std::int64_t>(last_of(bin))));
  }
  return max_;
}

}  // namespace iodrome::metrics
