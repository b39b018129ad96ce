// SPDX-License-Identifier: Apache-2.0
// Block-layer events; names after Linux's tracepoints. `request` is the cookie of the request whose
// time it is, 0 if there is none.
#pragma once
#include "model/events/probe.h"

namespace iodrome::events {

/// A bio enters the block layer.
struct BlockBioQueue {
  static constexpr EventInfo info{"block_bio_queue", Subsystem::block, "sector bytes request"};
  std::uint64_t sector;
  std::uint64_t bytes;
  std::uint64_t request;
  Words3 words() const { return {sector, bytes, request}; }
};

/// A request is handed to the driver.
struct BlockRqIssue {
  static constexpr EventInfo info{"block_rq_issue", Subsystem::block, "tag sector bytes request"};
  std::uint64_t tag;
  std::uint64_t sector;
  std::uint64_t bytes;
  std::uint64_t request;
  Words4 words() const { return {tag, sector, bytes, request}; }
};

/// The driver reports a request's end.
struct BlockRqComplete {
  static constexpr EventInfo info{"block_rq_complete", Subsystem::block,
                                  "tag sector error request"};
  std::uint64_t tag;
  std::uint64_t sector;
  std::uint64_t error;
  std::uint64_t request;
  Words4 words() const { return {tag, sector, error, request}; }
};

}  // namespace iodrome::events
