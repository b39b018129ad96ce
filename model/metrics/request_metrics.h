// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <string>

#include "model/engine/result.h"
#include "model/events/stage.h"
#include "model/metrics/latency_histogram.h"

namespace iodrome::metrics {

/// What a run's requests add up to.
struct RequestMetrics {
  LatencyHistogram latency;
  std::array<Duration, events::kStages> stages{};
  std::map<std::string, std::uint64_t> errors;  // by errno
  std::uint64_t bytes = 0;                      // payload that reached its destination

  void add(const events::StageLedger& ledger, Duration request_latency, Errno error,
           std::uint64_t moved) {
    latency.add(request_latency);
    for (std::size_t i = 0; i < events::kStages; ++i) stages[i] += ledger.totals()[i];
    if (error != Errno::ok) ++errors[name_of(error)];
    bytes += moved;
  }
  std::uint64_t error_count() const {
    std::uint64_t total = 0;
    for (const auto& [name, count] : errors) total += count;
    return total;
  }
};

}  // namespace iodrome::metrics
