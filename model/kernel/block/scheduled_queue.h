// SPDX-License-Identifier: Apache-2.0
// What stands between bios and the driver where a device has an elevator: merging, the limit to
// requests, the order in which they go.
#pragma once
#include "model/kernel/block/request_pool.h"

namespace iodrome::kernel {

struct QueueParams {
  std::string scheduler = "none";  // none, deadline (of 2.6) or mq-deadline
  std::int64_t nr_requests = 128;
  std::int64_t max_bytes = 1 << 20;  // of a request; the driver's limit holds too
  DeadlineParams deadline;
};

/// Bios become requests here, or parts of requests that wait.
///
/// Order: as the elevator says; flushes and discards go to the driver before all that it holds, as
/// does whatever bypasses it in Linux. Whoever must not sleep for a request waits in a FIFO, which
/// is served before those who sleep.
///
/// Differs: no plug and no merging in the software queues; a request that fails fails all its bios;
/// `nr_requests` is the device's, as in 2.6, where blk-mq gives each hardware queue as many; a
/// request goes to the hardware queue of the CPU that dispatches it, and waits in the elevator
/// while that one has no tag, where blk-mq keeps it for the queue of the CPU that submitted it.
class ScheduledQueue {
 public:
  ScheduledQueue(BlockDevice& device, const QueueParams& params, const QueueLimits& limits);

  /// Takes a bio that is accounted for already. Sleeps for a request if bio.submitter may.
  Task<void> submit(Atomic& ctx, Bio& bio);
  /// For a request that has ended: ends its bios, gives it back, and brings the next ones on.
  Task<void> complete(Atomic& ctx, Request& request, Errno status);

  /// Bios that have no request yet, and requests that are not at the driver.
  std::size_t waiting() const {
    return without_request_.size() + bypass_.size() + elevator_.size();
  }
  /// Whether who writes much should look elsewhere first.
  bool congested() const { return pool_.congested(true) || !without_request_.empty(); }

 private:
  bool mergeable(const Bio& bio) const;
  bool fits(const Request& request, std::uint32_t bytes, std::size_t segments) const;
  bool adjoins(const Bio& before, const Bio& behind) const;
  bool try_merge(Atomic& ctx, Bio& bio, bool& gave_back);
  bool join(QueuedRequest* front, QueuedRequest* back);
  void wait_without_request(Atomic& ctx, Bio& bio);
  Task<void> enqueue(Atomic& ctx, QueuedRequest& request, Bio& bio);
  Task<void> bring_on(Atomic& ctx, bool write);
  static Task<void> end_bios(Atomic& ctx, Bio* bio, Errno status);
  Request* take_next(SimTime now);
  Task<void> run(Atomic& ctx);

  BlockDevice& device_;
  const QueueLimits limits_;
  RequestPool pool_;
  DeadlineElevator elevator_;
  BioList without_request_;
  boost::intrusive::slist<Request, boost::intrusive::cache_last<true>> bypass_;
};

}  // namespace iodrome::kernel
