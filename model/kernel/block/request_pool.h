// SPDX-License-Identifier: Apache-2.0
// How many requests a device with an elevator may hold, and who sleeps for one.
#pragma once
#include <array>
#include <deque>
#include <unordered_map>

#include "model/kernel/block/deadline.h"
#include "model/kernel/sync/wait_queue.h"

namespace iodrome::kernel {

/// Source, recalled: `linux_2_6`: Linux block/ll_rw_blk.c of 2.6.22, get_request(),
/// get_request_wait() and __freed_request(): nr_requests for each direction; who was the one to
/// take the last, or has slept for one, may take 32 more within 20 ms, up to half as many again.
/// `mq`: block/blk-mq-tag.c and dd_limit_depth() of 6.x: nr_requests for both directions, of which
/// writes may have three quarters. Differs: in `mq` the share of writes is counted, not drawn from
/// a bitmap.
class RequestPool {
 public:
  RequestPool(DeadlineElevator::Rules rules, std::uint32_t nr_requests);

  /// A request for a thread, 0 for code that is nobody's; nullptr if it must wait.
  QueuedRequest* take(bool write, std::uint64_t thread, SimTime now);
  /// Gives one back. Whoever sleeps for one is woken by wake().
  void give_back(QueuedRequest& request);
  /// Sleeps until some are given back, or longer: try again. Then the thread may take several.
  Task<void> sleep(Sleepable& ctx, bool write);
  /// After give_back(): lets one of those that sleep try again.
  Task<void> wake(Atomic& ctx, bool write);

  std::uint32_t taken(bool write) const { return sides_[write ? 1 : 0].taken; }
  /// Above the congestion threshold, until the lower one is passed.
  bool congested(bool write) const { return sides_[write ? 1 : 0].congested; }

 private:
  struct Side {
    explicit Side(const char* name) : sleepers(name) {}
    std::uint32_t taken = 0;
    bool full = false;
    bool congested = false;
    WaitQueue sleepers;
  };
  // What a thread that has waited may take without waiting again.
  struct Batch {
    std::uint32_t left = 0;
    SimTime until{};
  };
  bool may_take(Side& side, std::uint64_t thread, SimTime now);
  bool may_take_mq(bool write) const;
  bool batching(std::uint64_t thread, SimTime now) const;
  void begin_batch(std::uint64_t thread, SimTime now);

  const DeadlineElevator::Rules rules_;
  const std::uint32_t nr_requests_;
  Side sides_[2] = {Side{"read requests"}, Side{"write requests"}};
  std::unordered_map<std::uint64_t, Batch> batches_;  // by thread; looked up, never iterated
  std::deque<QueuedRequest> requests_;
  std::vector<QueuedRequest*> free_;
};

}  // namespace iodrome::kernel
