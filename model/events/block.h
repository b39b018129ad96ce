// SPDX-License-Identifier: Apache-2.0
// Block-layer events; names after Linux's tracepoints.
#pragma once
#include "model/events/probe.h"

namespace iodrome::events {

/// A bio enters the block layer.
struct BlockBioQueue {
  static constexpr EventInfo info{"block_bio_queue", Subsystem::block};
  std::uint64_t sector;
  std::uint64_t bytes;
  Words2 words() const { return {sector, bytes}; }
};

/// A request is handed to the driver.
struct BlockRqIssue {
  static constexpr EventInfo info{"block_rq_issue", Subsystem::block};
  std::uint64_t tag;
  std::uint64_t sector;
  std::uint64_t bytes;
  Words3 words() const { return {tag, sector, bytes}; }
};

/// The driver reports a request's end.
struct BlockRqComplete {
  static constexpr EventInfo info{"block_rq_complete", Subsystem::block};
  std::uint64_t tag;
  std::uint64_t sector;
  std::uint64_t error;
  Words3 words() const { return {tag, sector, error}; }
};

}  // namespace iodrome::events
