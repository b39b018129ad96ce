// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <string>

#include "model/engine/result.h"
#include "model/events/stage.h"
#include "model/metrics/block_sums.h"
#include "model/metrics/latency_histogram.h"
#include "model/metrics/request_log.h"

namespace iodrome::metrics {

/// What a run's requests add up to.
struct RequestMetrics {
  LatencyHistogram latency;
  BlockSums blocks;
  std::array<Duration, events::kStages> stages{};
  std::map<std::string, std::uint64_t> errors;  // by errno
  std::uint64_t bytes = 0;                      // payload that reached its destination

  void add(const EndedRequest& ended, const events::StageLedger& ledger, Duration request_latency) {
    latency.add(request_latency);
    blocks.add(ended.number, request_latency);
    for (std::size_t i = 0; i < events::kStages; ++i) stages[i] += ledger.totals()[i];
    if (ended.error != Errno::ok) ++errors[name_of(ended.error)];
    bytes += ended.bytes;
  }
  std::uint64_t error_count() const {
    std::uint64_t total = 0;
    for (const auto& [name, count] : errors) total += count;
    return total;
  }
};

}  // namespace iodrome::metrics
