// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/block/block.h"

#include "model/events/block.h"

namespace iodrome::kernel {

namespace {
std::uint64_t request_of(const Bio& bio) {
  return bio.ledger != nullptr ? bio.ledger->request() : 0;
}
}  // namespace

BlockDevice::BlockDevice(BlockDriver& driver, const QueueParams& params)
    : driver_(driver), number_(driver.number()), by_tag_(driver.queue_depth()) {
  driver.serve(*this);
  for (std::uint32_t tag = driver.queue_depth(); tag-- > 0;) free_tags_.push_back(tag);
  if (params.scheduler != "none") {
    scheduled_ = std::make_unique<ScheduledQueue>(*this, params, driver.limits());
    return;
  }
  requests_.resize(driver.queue_depth());
  for (std::uint32_t tag = 0; tag < driver.queue_depth(); ++tag) {
    requests_[tag].tag = tag;
    requests_[tag].device = this;
    by_tag_[tag] = &requests_[tag];
  }
}

Task<void> BlockDevice::submit(Atomic& ctx, Bio& bio) {
  ctx.emit(events::BlockBioQueue{bio.sector, bio.bytes, request_of(bio), number_});
  ctx.owe(ctx.costs().bio_submit);
  // A tag that is free while bios wait is on its way to the first of them.
  if (scheduled_ == nullptr && !free_tags_.empty() && waiting_.empty()) return dispatch(ctx, bio);
  return then(ctx.spend(), [this, &ctx, &bio] {
    if (scheduled_ != nullptr) return scheduled_->submit(ctx, bio);
    if (!free_tags_.empty() && waiting_.empty()) return dispatch(ctx, bio);
    if (bio.ledger != nullptr) bio.ledger->enter(events::Stage::queue, ctx.now());
    waiting_.push_back(bio);
    return Task<void>::ready();
  });
}

Task<void> BlockDevice::dispatch(Atomic& ctx, Bio& bio) {
  Request& request = requests_[free_tags_.back()];
  free_tags_.pop_back();
  request.begin(bio);
  return driver_.queue_request(ctx, request);
}

Task<void> BlockDevice::issue(Atomic& ctx, Request& request) {
  return driver_.queue_request(ctx, request);
}

void BlockDevice::started(Atomic& ctx, const Request& request) const {
  ctx.emit(events::BlockRqIssue{request.tag, request.sector, request.bytes,
                                request_of(*request.bio), number_});
}

Task<void> BlockDevice::complete(Atomic& ctx, Request& request, Errno status) {
  ctx.emit(events::BlockRqComplete{request.tag, request.sector, static_cast<std::uint64_t>(status),
                                   request_of(*request.bio), number_});
  if (scheduled_ != nullptr) [[unlikely]] {
    co_await scheduled_->complete(ctx, request, status);
    co_return;
  }
  Bio& bio = *std::exchange(request.bio, nullptr);
  bio.status = status;
  {
    events::StageLedger* const ledger = bio.ledger;
    const WorkOn work(
        ctx, ledger,
        ctx.level() == Level::hardirq ? events::Stage::hardirq : events::Stage::softirq);
    co_await ctx.spend(ctx.costs().bio_complete);
    // end_io may hand the ledger to another context: nothing here touches it afterwards.
    free_tags_.push_back(request.tag);
    co_await bio.end_io(ctx, bio);
    // Still this context's: the request waits for its other bios.
    if (ledger != nullptr && ctx.ledger() == ledger)
      ledger->enter(events::Stage::device, ctx.now());
  }
  if (waiting_.empty() || free_tags_.empty()) co_return;
  Bio& next = waiting_.pop_front();
  co_await dispatch(ctx, next);
}

}  // namespace iodrome::kernel
