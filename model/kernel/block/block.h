// SPDX-License-Identifier: Apache-2.0
// The block layer: bios in, requests with tags to a driver, completions back.
//
// Differs from Linux: without an elevator one bio is one request, none is plugged or merged, and a
// bio that finds no free tag waits in a FIFO instead of putting its submitter to sleep. With one,
// see scheduled_queue.h.
#pragma once
#include <memory>

#include "model/kernel/block/scheduled_queue.h"

namespace iodrome::kernel {

/// A driver's device as file systems see it.
class BlockDevice {
 public:
  explicit BlockDevice(BlockDriver& driver, const QueueParams& params = {});
  BlockDevice(const BlockDevice&) = delete;
  BlockDevice& operator=(const BlockDevice&) = delete;

  /// Starts a bio; end_io tells its end. Legal in any context; it sleeps only if bio.submitter says
  /// who may. A tag is taken at once, and bio_submit spent with what its driver spends first.
  Task<void> submit(Atomic& ctx, Bio& bio);
  /// For drivers: the request goes to the device now, as blk_mq_start_request() says.
  void started(Atomic& ctx, const Request& request) const;
  /// For drivers: the request's end. Runs end_io here, then starts what waits for the tag.
  Task<void> complete(Atomic& ctx, Request& request, Errno status);

  /// What has that tag.
  Request& request(std::uint32_t tag) { return *by_tag_[tag]; }
  bool volatile_cache() const { return driver_.volatile_cache(); }
  std::size_t in_flight() const { return by_tag_.size() - free_tags_.size(); }
  std::size_t waiting() const {
    return scheduled_ != nullptr ? scheduled_->waiting() : waiting_.size();
  }
  /// Whether who writes much should wait for its writes first.
  bool congested() const {
    return scheduled_ != nullptr ? scheduled_->congested() : !waiting_.empty();
  }
  std::uint64_t number() const { return number_; }

  // For the ScheduledQueue.
  bool has_tag() const { return !free_tags_.empty(); }
  void take_tag(Request& request) {
    request.tag = free_tags_.back();
    free_tags_.pop_back();
    by_tag_[request.tag] = &request;
  }
  void free_tag(const Request& request) { free_tags_.push_back(request.tag); }
  /// Hands a request that has a tag to the driver.
  Task<void> issue(Atomic& ctx, Request& request);

 private:
  Task<void> dispatch(Atomic& ctx, Bio& bio);

  BlockDriver& driver_;
  const std::uint64_t number_;
  std::vector<Request> requests_;  // by tag; without an elevator
  std::vector<Request*> by_tag_;
  std::vector<std::uint32_t> free_tags_;
  BioList waiting_;
  std::unique_ptr<ScheduledQueue> scheduled_;
};

}  // namespace iodrome::kernel
