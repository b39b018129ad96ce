// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/block/scheduled_queue.h"

#include <utility>

#include "model/events/block.h"
#include "model/kernel/block/block.h"

namespace iodrome::kernel {

namespace {

bool writes(const Bio& bio) {
  return bio.op != BlockOp::read;
}

void enter_queue(Atomic& ctx, const Bio& bio) {
  if (bio.ledger != nullptr) bio.ledger->enter(events::Stage::queue, ctx.now());
}

DeadlineElevator::Rules rules_of(const QueueParams& params) {
  return params.scheduler == "deadline" ? DeadlineElevator::Rules::linux_2_6
                                        : DeadlineElevator::Rules::mq;
}

QueueLimits smaller(QueueLimits limits, const QueueParams& params) {
  limits.max_bytes = std::min(limits.max_bytes, static_cast<std::uint32_t>(params.max_bytes));
  return limits;
}

}  // namespace

ScheduledQueue::ScheduledQueue(BlockDevice& device, const QueueParams& params,
                               const QueueLimits& limits)
    : device_(device),
      limits_(smaller(limits, params)),
      pool_(rules_of(params), static_cast<std::uint32_t>(params.nr_requests)),
      elevator_(rules_of(params), params.deadline) {}

// --- merging ------------------------------------------------------------------------------------

bool ScheduledQueue::mergeable(const Bio& bio) const {
  return transfers(bio.op) && !bio.fua;
}

bool ScheduledQueue::fits(const Request& request, std::uint32_t bytes, std::size_t segments) const {
  return !request.fua && request.bytes + bytes <= limits_.max_bytes &&
         request.segments + segments <= limits_.max_segments;
}

// Whether memory leaves no gap between them, where the device minds; as bio_will_gap().
bool ScheduledQueue::adjoins(const Bio& before, const Bio& behind) const {
  if (!limits_.whole_pages) return true;
  const BioSegment& end = before.segments.back();
  return (end.address + end.bytes) % hw::kPageBytes == 0 &&
         behind.segments.front().address % hw::kPageBytes == 0;
}

// As elv_merge(): behind a request that ends where the bio begins, else before one that begins
// where it ends. A request may then touch another one.
bool ScheduledQueue::try_merge(Atomic& ctx, Bio& bio, bool& gave_back) {
  QueuedRequest* const front = elevator_.ending_at(writes(bio), bio.sector);
  if (front != nullptr && fits(*front, bio.bytes, bio.segments.size()) &&
      adjoins(*front->last, bio)) {
    bio.next = nullptr;
    front->last = front->last->next = &bio;
    front->grow(bio.bytes, bio.segments.size());
    enter_queue(ctx, bio);
    ctx.emit(events::BlockBioBackmerge{bio.sector, bio.bytes, front->sector, device_.number()});
    gave_back = join(front, elevator_.beginning_at(writes(bio), front->end_sector()));
    return true;
  }
  QueuedRequest* const back = elevator_.beginning_at(writes(bio), bio.end_sector());
  if (back == nullptr || !fits(*back, bio.bytes, bio.segments.size()) || !adjoins(bio, *back->bio))
    return false;
  bio.next = back->bio;
  back->bio = &bio;
  back->sector = bio.sector;
  back->grow(bio.bytes, bio.segments.size());
  elevator_.grown_at_front(*back);
  enter_queue(ctx, bio);
  ctx.emit(events::BlockBioFrontmerge{bio.sector, bio.bytes, back->sector, device_.number()});
  gave_back = join(elevator_.ending_at(writes(bio), back->sector), back);
  return true;
}

// As attempt_merge(): one request of two that touch, if a command can carry both.
bool ScheduledQueue::join(QueuedRequest* front, QueuedRequest* back) {
  if (front == nullptr || back == nullptr || !fits(*front, back->bytes, back->segments))
    return false;
  if (back->fua || !adjoins(*front->last, *back->bio)) return false;
  front->last->next = back->bio;
  front->last = back->last;
  front->grow(back->bytes, back->segments);
  elevator_.merged(*front, *back);
  pool_.give_back(*back);
  return true;
}

// --- from a bio to the driver -------------------------------------------------------------------

Task<void> ScheduledQueue::submit(Atomic& ctx, Bio& bio) {
  check(bio.submitter == nullptr || bio.submitter == &ctx, "somebody else's thread put to sleep");
  bool gave_back = false;
  if (mergeable(bio) && try_merge(ctx, bio, gave_back)) {
    const bool write = writes(bio);  // the bio may end while this is spent
    co_await ctx.spend(ctx.costs().bio_merge);
    if (gave_back) co_await bring_on(ctx, write);
    co_return;
  }
  if (bio.submitter == nullptr && !without_request_.empty()) {
    wait_without_request(ctx, bio);
    co_return;
  }
  const std::uint64_t thread = bio.submitter != nullptr ? bio.submitter->thread().id : 0;
  QueuedRequest* request = pool_.take(writes(bio), thread, ctx.now());
  while (request == nullptr) {
    if (bio.submitter == nullptr) {
      wait_without_request(ctx, bio);
      co_return;
    }
    ctx.emit(events::BlockSleeprq{bio.sector, bio.bytes, device_.number()});
    co_await pool_.sleep(*bio.submitter, writes(bio));
    request = pool_.take(writes(bio), thread, ctx.now());
  }
  co_await enqueue(ctx, *request, bio);
  co_await run(ctx);
}

void ScheduledQueue::wait_without_request(Atomic& ctx, Bio& bio) {
  enter_queue(ctx, bio);
  without_request_.push_back(bio);
}

Task<void> ScheduledQueue::enqueue(Atomic& ctx, QueuedRequest& request, Bio& bio) {
  request.begin(bio);
  request.device = &device_;
  co_await ctx.spend(ctx.costs().elevator_add);
  ctx.emit(events::BlockRqInsert{request.sector, request.bytes, device_.number()});
  enter_queue(ctx, bio);
  if (transfers(bio.op))
    elevator_.add(request, ctx.now());
  else
    bypass_.push_back(request);
}

Request* ScheduledQueue::take_next(SimTime now) {
  if (bypass_.empty()) return elevator_.next(now);
  Request& request = bypass_.front();
  bypass_.pop_front();
  return &request;
}

// Several contexts may be at it; each takes a request and its tag at once.
Task<void> ScheduledQueue::run(Atomic& ctx) {
  while (device_.has_tag(ctx)) {
    Request* const request = take_next(ctx.now());
    if (request == nullptr) co_return;
    device_.take_tag(ctx, *request);
    co_await ctx.spend(ctx.costs().elevator_dispatch);
    co_await device_.issue(ctx, *request);
  }
}

// --- and back -----------------------------------------------------------------------------------

Task<void> ScheduledQueue::end_bios(Atomic& ctx, Bio* bio, Errno status) {
  while (bio != nullptr) {
    Bio& each = *bio;
    bio = each.next;
    each.status = status;
    events::StageLedger* const ledger = each.ledger;
    const WorkOn work(
        ctx, ledger,
        ctx.level() == Level::hardirq ? events::Stage::hardirq : events::Stage::softirq);
    co_await ctx.spend(ctx.costs().bio_complete);
    co_await each.end_io(ctx, each);
    // Still this context's: the request waits for its other bios.
    if (ledger != nullptr && ctx.ledger() == ledger)
      ledger->enter(events::Stage::device, ctx.now());
  }
}

Task<void> ScheduledQueue::complete(Atomic& ctx, Request& request, Errno status) {
  auto& queued = static_cast<QueuedRequest&>(request);
  const bool write = queued.write();
  co_await end_bios(ctx, std::exchange(request.bio, nullptr), status);
  device_.free_tag(request);
  pool_.give_back(queued);
  co_await bring_on(ctx, write);
}

// There are requests again: for bios that wait for one, then for whoever sleeps for one.
Task<void> ScheduledQueue::bring_on(Atomic& ctx, bool write) {
  while (!without_request_.empty()) {
    Bio& bio = without_request_.front();
    QueuedRequest* const request = pool_.take(writes(bio), 0, ctx.now());
    if (request == nullptr) break;
    without_request_.pop_front();
    co_await enqueue(ctx, *request, bio);
  }
  co_await pool_.wake(ctx, write);
  co_await run(ctx);
}

}  // namespace iodrome::kernel
