// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/block/block.h"

#include "model/events/block.h"

namespace iodrome::kernel {

namespace {
std::uint64_t request_of(const Bio& bio) {
  return bio.ledger != nullptr ? bio.ledger->request() : 0;
}

// A thread ends requests that it has polled for, or that its driver refused at once.
events::Stage stage_of(Level level) {
  if (level == Level::thread) return events::Stage::kernel;
  return level == Level::hardirq ? events::Stage::hardirq : events::Stage::softirq;
}
}  // namespace

BlockDevice::BlockDevice(BlockDriver& driver, const QueueParams& params)
    : driver_(driver),
      number_(driver.number()),
      timeout_(driver.timeout()),
      unwatched_(timeout_ != Duration{0}),
      map_(driver.queue_map()) {
  driver.serve(*this);
  for (std::uint32_t i = 0; i < map_.interrupting + map_.polled; ++i)
    queues_.emplace_back(driver.queue_depth());
  if (params.scheduler != "none")
    scheduled_ = std::make_unique<ScheduledQueue>(*this, params, driver.limits());
}

std::size_t BlockDevice::in_flight() const {
  std::size_t sum = 0;
  for (const HardwareQueue& queue : queues_) sum += queue.in_flight();
  return sum;
}

std::size_t BlockDevice::waiting() const {
  if (scheduled_ != nullptr) return scheduled_->waiting();
  std::size_t sum = 0;
  for (const HardwareQueue& queue : queues_) sum += queue.waiting.size();
  return sum;
}

// The bios of one transfer go to one queue, whatever CPU their submitter has come to.
void BlockDevice::make_polled(Atomic& ctx, Bio& bio, PollQueue& place) {
  if (map_.polled == 0 || scheduled_ != nullptr) return;
  if (place.device == nullptr) place = {this, map_.interrupting + ctx.cpu().index() % map_.polled};
  check(place.device == this, "a polled transfer over several devices");
  bio.polled = true;
  bio.queue = place.queue;
}

Task<void> BlockDevice::submit(Atomic& ctx, Bio& bio) {
  ctx.emit(events::BlockBioQueue{bio.sector, bio.bytes, request_of(bio), number_});
  ctx.owe(ctx.costs().bio_submit);
  if (scheduled_ == nullptr) [[likely]] {
    if (!bio.polled) bio.queue = queue_of(ctx);
    HardwareQueue& queue = queues_[bio.queue];
    // A tag that is free while bios wait is on its way to the first of them.
    if (queue.has_tag() && queue.waiting.empty()) return dispatch(ctx, bio);
  }
  return then(ctx.spend(), [this, &ctx, &bio] {
    if (scheduled_ != nullptr) return scheduled_->submit(ctx, bio);
    HardwareQueue& queue = queues_[bio.queue];
    if (queue.has_tag() && queue.waiting.empty()) return dispatch(ctx, bio);
    if (bio.ledger != nullptr) bio.ledger->enter(events::Stage::queue, ctx.now());
    queue.waiting.push_back(bio);
    return Task<void>::ready();
  });
}

Task<void> BlockDevice::dispatch(Atomic& ctx, Bio& bio) {
  HardwareQueue& queue = queues_[bio.queue];
  Request& request =
      queue.has_used_tag() ? *queue.by_tag(queue.take_tag()) : make_request(bio.queue);
  request.begin(bio);
  return driver_.queue_request(ctx, request);
}

Request& BlockDevice::make_request(std::uint32_t queue) {
  Request& request = requests_.emplace_back();
  request.device = this;
  request.queue = queue;
  request.tag = queues_[queue].take_tag();
  queues_[queue].by_tag(request.tag) = &request;
  return request;
}

Task<void> BlockDevice::issue(Atomic& ctx, Request& request) {
  return driver_.queue_request(ctx, request);
}

void BlockDevice::started(Atomic& ctx, Request& request) {
  request.in_flight = true;
  request.deadline = ctx.now() + timeout_;
  if (unwatched_) [[unlikely]] {
    unwatched_ = false;
    kblockd(ctx).set_timer(request.deadline);
  }
  ctx.emit(events::BlockRqIssue{request.tag, request.sector, request.bytes,
                                request_of(*request.bio), number_});
}

Kblockd& BlockDevice::kblockd(Atomic& ctx) {
  if (kblockd_ == nullptr) kblockd_ = std::make_unique<Kblockd>(ctx.system(), *this, driver_);
  return *kblockd_;
}

Task<void> BlockDevice::requeue(Atomic& ctx, Request& request) {
  ctx.emit(events::BlockRqRequeue{request.tag, request.sector, request.bytes,
                                  request_of(*request.bio), number_});
  request.in_flight = false;
  request.aborted = false;
  return hold(ctx, request);
}

Task<void> BlockDevice::hold(Atomic& ctx, Request& request) {
  request.enter(events::Stage::queue, ctx.now());
  return kblockd(ctx).requeue(ctx, request);
}

Task<void> BlockDevice::complete(Atomic& ctx, Request& request, Errno status) {
  request.in_flight = false;
  ctx.emit(events::BlockRqComplete{request.tag, request.sector, static_cast<std::uint64_t>(status),
                                   request_of(*request.bio), number_});
  if (scheduled_ != nullptr) [[unlikely]] {
    co_await scheduled_->complete(ctx, request, status);
    co_return;
  }
  Bio& bio = *std::exchange(request.bio, nullptr);
  bio.status = status;
  HardwareQueue& queue = queues_[request.queue];
  {
    events::StageLedger* const ledger = bio.ledger;
    const WorkOn work(ctx, ledger, stage_of(ctx.level()));
    co_await ctx.spend(ctx.costs().bio_complete);
    // end_io may hand the ledger to another context: nothing here touches it afterwards.
    queue.free_tag(request.tag);
    co_await bio.end_io(ctx, bio);
    // Still this context's: the request waits for its other bios.
    if (ledger != nullptr && ctx.ledger() == ledger)
      ledger->enter(events::Stage::device, ctx.now());
  }
  if (queue.waiting.empty() || !queue.has_tag()) co_return;
  Bio& next = queue.waiting.pop_front();
  co_await dispatch(ctx, next);
}

}  // namespace iodrome::kernel
