// SPDX-License-Identifier: Apache-2.0
// One row per request, in columns: what Python sees as arrays.
#pragma once
#include <cstdint>
#include <vector>

#include "model/engine/result.h"
#include "model/events/stage.h"

namespace iodrome::metrics {

/// What ended: the part of a request's row that its ledger does not know.
struct EndedRequest {
  std::uint64_t number = 0;  // the same for every design
  std::uint8_t op = 0;       // chain::Op of the step that moves bytes, else of the first
  std::uint64_t bytes = 0;   // payload that reached its destination
  Errno error = Errno::ok;   // the first
  std::uint32_t cpu = 0;     // where its end was accounted for
};

/// Every request that has ended, in the order of their ends.
///
/// Shape: all columns have one entry per request.
/// Units: times in ps since the workload's start; kNotReached where a request never came so far.
struct RequestLog {
  static constexpr std::int64_t kNotReached = -1;

  std::vector<std::uint64_t> request, bytes;
  std::vector<std::uint8_t> op;
  std::vector<std::int32_t> error, cpu;
  std::vector<std::int64_t> arrival, submit, issue, dispatch, complete, reap;

  void add(const EndedRequest& ended, const events::StageLedger& ledger, Duration latency,
           SimTime begun);
};

}  // namespace iodrome::metrics
