// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/block/kblockd.h"

#include <algorithm>

#include "model/kernel/block/block.h"

namespace iodrome::kernel {

namespace {
// Without ticks there are no jiffies.
SimTime to_jiffy(const System& system, SimTime time) {
  if (system.scheduler.hz == 0) return time;
  const Duration jiffy = jiffy_length(system);
  const Duration past = time.time_since_epoch() % jiffy;
  return past == Duration{0} ? time : later(time, jiffy - past);
}
}  // namespace

Kblockd::Kblockd(System& system, BlockDevice& device, BlockDriver& driver)
    : system_(system),
      device_(device),
      driver_(driver),
      timer_(system.timeline, &Kblockd::due, this) {}

void Kblockd::set_timer(SimTime deadline) {
  timer_.program(to_jiffy(system_, deadline));
}

void Kblockd::start_thread() {
  if (!thread_) thread_.emplace(system_, "kblockd", events::CpuClass::kthread, 0, *this);
}

SimTime Kblockd::oldest_deadline() const {
  SimTime oldest = driver_.next_deadline();
  device_.for_each_in_flight(
      [&](const Request& request) { oldest = std::min(oldest, request.deadline); });
  return oldest;
}

// The thread is woken only if there is something for it to do.
void Kblockd::due(void* self) {
  Kblockd& mine = *static_cast<Kblockd*>(self);
  const SimTime oldest = mine.oldest_deadline();
  if (oldest == kNever) return mine.device_.unwatched();
  if (oldest > mine.system_.timeline.now()) return mine.set_timer(oldest);
  mine.due_ = true;
  mine.start_thread();
  mine.idle_.wake_from_outside(mine.system_);
}

Task<void> Kblockd::requeue(Atomic& ctx, Request& request) {
  requeued_.push_back(request);
  start_thread();
  return idle_.wake_one(ctx);
}

Task<void> Kblockd::run(Sleepable& ctx) {
  for (;;) {
    if (std::exchange(due_, false)) {
      co_await look(ctx);
    } else if (!requeued_.empty()) {
      Request& request = requeued_.front();
      requeued_.pop_front();
      co_await queue_again(ctx, request);
    } else {
      co_await idle_.wait(ctx, "block work", events::Stage::queue);
    }
  }
}

// Requests come and go while the driver is asked; what starts meanwhile has its deadline later.
Task<void> Kblockd::look(Sleepable& ctx) {
  for (std::uint32_t queue = 0; queue < device_.queue_count(); ++queue)
    for (std::uint32_t tag = 0; tag < device_.tags(queue); ++tag) {
      Request* const request = device_.in_flight_at(queue, tag);
      if (request != nullptr && request->deadline <= ctx.now()) co_await tell(ctx, *request);
    }
  if (driver_.next_deadline() <= ctx.now()) co_await driver_.expired(ctx);
  const SimTime oldest = oldest_deadline();
  if (oldest == kNever)
    device_.unwatched();
  else
    set_timer(oldest);
}

Task<void> Kblockd::tell(Sleepable& ctx, Request& request) {
  request.deadline = kNever;
  const TimedOut made = co_await driver_.timed_out(ctx, request);
  if (made == TimedOut::reset_timer && request.overdue())
    request.deadline = ctx.now() + device_.timeout();
}

Task<void> Kblockd::queue_again(Sleepable& ctx, Request& request) {
  if (!driver_.dead()) return driver_.queue_request(ctx, request);
  // Observers set ends off against beginnings.
  device_.started(ctx, request);
  return device_.complete(ctx, request, Errno::eio);
}

}  // namespace iodrome::kernel
