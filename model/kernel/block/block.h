// SPDX-License-Identifier: Apache-2.0
// The block layer: bios in, requests with tags to a driver, completions back.
//
// Source: Linux block/blk-mq.c: hardware queues (hctx) with tags and waiters of their own, chosen
// by the CPU that submits. Differs: without an elevator one bio is one request, none is plugged or
// merged, and a bio that finds no free tag waits in a FIFO of its hardware queue instead of putting
// its submitter to sleep. With one, see scheduled_queue.h.
#pragma once
#include <deque>
#include <memory>

#include "model/kernel/block/scheduled_queue.h"

namespace iodrome::kernel {

/// The tags of a hardware queue, and who waits for one.
///
/// Order: the tag given back last goes first; one that was never used goes when there is no other.
class HardwareQueue {
 public:
  explicit HardwareQueue(std::uint32_t depth) : depth_(depth) {}
  HardwareQueue(HardwareQueue&&) = default;

  bool has_tag() const { return !free_.empty() || by_tag_.size() < depth_; }
  bool has_used_tag() const { return !free_.empty(); }
  std::uint32_t take_tag() {
    if (free_.empty()) {
      by_tag_.push_back(nullptr);
      return static_cast<std::uint32_t>(by_tag_.size() - 1);
    }
    const std::uint32_t tag = free_.back();
    free_.pop_back();
    return tag;
  }
  void free_tag(std::uint32_t tag) { free_.push_back(tag); }
  Request*& by_tag(std::uint32_t tag) { return by_tag_[tag]; }
  std::size_t in_flight() const { return by_tag_.size() - free_.size(); }

  BioList waiting;  // without an elevator

 private:
  std::uint32_t depth_;
  std::vector<Request*> by_tag_;  // as many as have been needed at once
  std::vector<std::uint32_t> free_;
};

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

  /// Makes a bio that submit() will be given polled, if the device can, and tells where to look.
  /// Differs: with an elevator no bio is polled.
  void make_polled(Atomic& ctx, Bio& bio, PollQueue& place);
  /// bio_poll(): looks once for ends in the place that make_polled() told, and tells them here.
  /// Returns how many. Legal in any context. It costs `block_poll`, whatever is found.
  Task<std::uint32_t> poll(Atomic& ctx, const PollQueue& place) {
    return driver_.poll(ctx, place.queue);
  }

  /// What has that tag of that hardware queue.
  Request& request(std::uint32_t tag, std::uint32_t queue = 0) {
    return *queues_[queue].by_tag(tag);
  }
  bool volatile_cache() const { return driver_.volatile_cache(); }
  std::size_t in_flight() const;
  /// Bios and requests that are not at the driver.
  std::size_t waiting() const;
  /// Whether who writes much should wait for its writes first.
  bool congested() const {
    return scheduled_ != nullptr ? scheduled_->congested() : waiting() != 0;
  }
  std::uint64_t number() const { return number_; }

  // For the ScheduledQueue, whose requests go to the hardware queue of the CPU that dispatches
  // them.
  bool has_tag(Atomic& ctx) const { return queues_[queue_of(ctx)].has_tag(); }
  void take_tag(Atomic& ctx, Request& request) {
    request.queue = queue_of(ctx);
    request.tag = queues_[request.queue].take_tag();
    queues_[request.queue].by_tag(request.tag) = &request;
  }
  void free_tag(const Request& request) { queues_[request.queue].free_tag(request.tag); }
  /// Hands a request that has a tag to the driver.
  Task<void> issue(Atomic& ctx, Request& request);

 private:
  std::uint32_t queue_of(Atomic& ctx) const { return ctx.cpu().index() % map_.interrupting; }
  Task<void> dispatch(Atomic& ctx, Bio& bio);
  Request& make_request(std::uint32_t queue);

  BlockDriver& driver_;
  const std::uint64_t number_;
  const QueueMap map_;
  std::vector<HardwareQueue> queues_;
  std::deque<Request, PoolAllocator<Request>> requests_;  // without an elevator; each stays with its tag
  std::unique_ptr<ScheduledQueue> scheduled_;
};

}  // namespace iodrome::kernel
