// SPDX-License-Identifier: Apache-2.0
// Block-layer events; names after Linux's tracepoints. `request` is the cookie of the request whose
// time it is, 0 if there is none; `device` is the device's number, and tags are its own.
#pragma once
#include "model/events/probe.h"

namespace iodrome::events {

/// A bio enters the block layer.
struct BlockBioQueue {
  static constexpr EventInfo info{"block_bio_queue", Subsystem::block,
                                  "sector bytes request device"};
  std::uint64_t sector;
  std::uint64_t bytes;
  std::uint64_t request;
  std::uint64_t device = 0;
  Words4 words() const { return {sector, bytes, request, device}; }
};

/// A driver begins with a request, right before the device hears of it.
struct BlockRqIssue {
  static constexpr EventInfo info{"block_rq_issue", Subsystem::block,
                                  "tag sector bytes request device"};
  std::uint64_t tag;
  std::uint64_t sector;
  std::uint64_t bytes;
  std::uint64_t request;
  std::uint64_t device = 0;
  Words5 words() const { return {tag, sector, bytes, request, device}; }
};

/// An attempt is over, and the request will be issued again.
struct BlockRqRequeue {
  static constexpr EventInfo info{"block_rq_requeue", Subsystem::block,
                                  "tag sector bytes request device"};
  std::uint64_t tag;
  std::uint64_t sector;
  std::uint64_t bytes;
  std::uint64_t request;
  std::uint64_t device = 0;
  Words5 words() const { return {tag, sector, bytes, request, device}; }
};

/// The driver reports a request's end.
struct BlockRqComplete {
  static constexpr EventInfo info{"block_rq_complete", Subsystem::block,
                                  "tag sector error request device"};
  std::uint64_t tag;
  std::uint64_t sector;
  std::uint64_t error;
  std::uint64_t request;
  std::uint64_t device = 0;
  Words5 words() const { return {tag, sector, error, request, device}; }
};

/// A bio joins a request behind it: `into` is where that begins.
struct BlockBioBackmerge {
  static constexpr EventInfo info{"block_bio_backmerge", Subsystem::block,
                                  "sector bytes into device"};
  std::uint64_t sector;
  std::uint64_t bytes;
  std::uint64_t into;
  std::uint64_t device = 0;
  Words4 words() const { return {sector, bytes, into, device}; }
};

/// A bio joins a request at its front.
struct BlockBioFrontmerge {
  static constexpr EventInfo info{"block_bio_frontmerge", Subsystem::block,
                                  "sector bytes into device"};
  std::uint64_t sector;
  std::uint64_t bytes;
  std::uint64_t into;
  std::uint64_t device = 0;
  Words4 words() const { return {sector, bytes, into, device}; }
};

/// A request enters an elevator.
struct BlockRqInsert {
  static constexpr EventInfo info{"block_rq_insert", Subsystem::block, "sector bytes device"};
  std::uint64_t sector;
  std::uint64_t bytes;
  std::uint64_t device = 0;
  Words3 words() const { return {sector, bytes, device}; }
};

/// A submitter goes to sleep until there is a request for its bio.
struct BlockSleeprq {
  static constexpr EventInfo info{"block_sleeprq", Subsystem::block, "sector bytes device"};
  std::uint64_t sector;
  std::uint64_t bytes;
  std::uint64_t device = 0;
  Words3 words() const { return {sector, bytes, device}; }
};

}  // namespace iodrome::events
