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

#include "model/kernel/block/kblockd.h"
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
  std::uint32_t tags() const { return static_cast<std::uint32_t>(by_tag_.size()); }

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
  /// For drivers: the request goes to the device now, as blk_mq_start_request() says. Its deadline
  /// begins.
  void started(Atomic& ctx, Request& request);
  /// For drivers: the attempt has failed, and kblockd is to queue the request again, as
  /// blk_mq_requeue_request() and its kick. Legal in any context.
  ///
  /// Order: FIFO, together with hold().
  Task<void> requeue(Atomic& ctx, Request& request);
  /// For drivers that cannot take a request now: kblockd queues it again, which it does not while
  /// it is in one of the driver's calls.
  Task<void> hold(Atomic& ctx, Request& request);
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
  /// Whether a timer is set that looks for passed deadlines.
  bool timer_pending() const { return kblockd_ != nullptr && kblockd_->timer_pending(); }

  // For kblockd.
  /// Calls `look(request)` for each that is at the device, by queue and tag; it may be another one,
  /// or none, when it is used.
  template <class Look>
  void for_each_in_flight(Look&& look) {
    for (std::uint32_t queue = 0; queue < queues_.size(); ++queue)
      for (std::uint32_t tag = 0; tag < queues_[queue].tags(); ++tag)
        if (Request* const request = in_flight_at(queue, tag)) look(*request);
  }
  /// The request that is at the device under that tag, or nullptr.
  Request* in_flight_at(std::uint32_t queue, std::uint32_t tag) {
    Request* const request = queues_[queue].by_tag(tag);
    const bool there =
        request != nullptr && request->in_flight && request->tag == tag && request->queue == queue;
    return there ? request : nullptr;
  }
  std::uint32_t queue_count() const { return static_cast<std::uint32_t>(queues_.size()); }
  std::uint32_t tags(std::uint32_t queue) const { return queues_[queue].tags(); }
  Duration timeout() const { return timeout_; }
  /// The timer has ended: the next request that starts sets it.
  void unwatched() { unwatched_ = true; }

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
  Kblockd& kblockd(Atomic& ctx);

  BlockDriver& driver_;
  const std::uint64_t number_;
  const Duration timeout_;
  bool unwatched_;  // requests have deadlines, and no timer is set
  const QueueMap map_;
  std::vector<HardwareQueue> queues_;
  std::deque<Request, PoolAllocator<Request>>
      requests_;  // without an elevator; each stays with its tag
  std::unique_ptr<ScheduledQueue> scheduled_;
  std::unique_ptr<Kblockd> kblockd_;  // from when it is first needed
};

}  // namespace iodrome::kernel
