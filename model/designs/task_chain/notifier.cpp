// SPDX-License-Identifier: Apache-2.0
#include "model/designs/task_chain/notifier.h"

#include <utility>

namespace iodrome::designs::task_chain {

using namespace kernel;

Notifier::Notifier(ChainRing& ring, const ChainParams& params, WaitQueue& sleepers,
                   FutexTable& futexes, Workqueue& workqueue, ProcessSignals& signals)
    : ring_(ring),
      params_(params),
      sleepers_(sleepers),
      futexes_(futexes),
      workqueue_(workqueue),
      signals_(signals) {
  if (params.wake == WakeBy::eventfd) eventfd_ = *make_eventfd(0, kEfdNonblock);
}

Task<void> Notifier::wake(Atomic& ctx) {
  switch (params_.wake) {
    case WakeBy::syscall:
      return sleepers_.wake_one(ctx);
    case WakeBy::eventfd:
      return static_cast<EventFd&>(*eventfd_->object).signal(ctx);
    case WakeBy::futex:
      return wake_futex(ctx);
    case WakeBy::signal:
      if (listener_ == nullptr) break;
      return then(signals_.send(ctx, {.number = kSigIo, .code = kSiKernel}, listener_),
                  [](Errno) { return Task<void>::ready(); });
    case WakeBy::busy_poll:
      break;
  }
  return Task<void>::ready();
}

// The count was stored, and the store buffer emptied, before the look at who waits.
Task<void> Notifier::wake_futex(Atomic& ctx) {
  if (!futexes_.may_have_waiters(ring_.completed()) || futex_wake_.queued)
    return Task<void>::ready();
  futex_wake_.queued = true;
  return workqueue_.queue(ctx, futex_wake_);
}

Task<void> Notifier::FutexWake::run(Sleepable& ctx) {
  queued = false;  // from here on a completion may have come too late for this wake-up
  co_await owner.futexes_.wake(ctx, owner.ring_.completed(), 1);
}

// --- batches ------------------------------------------------------------------------------------

Task<void> Notifier::batch(Atomic& ctx) {
  if (params_.wake == WakeBy::busy_poll) co_return;
  if (params_.wake == WakeBy::syscall && sleepers_.empty()) co_return;
  const ChainRing::Untaken untaken = co_await ring_.untaken(ctx);
  // A loss makes no batch: nothing would end it.
  const bool lost = std::exchange(losses_, ring_.dropped()) != ring_.dropped();
  if (lost || untaken.count >= static_cast<std::size_t>(params_.batch_count)) {
    if (timer_.queued()) co_await timer_.try_to_cancel(ctx);
    co_return co_await wake(ctx);
  }
  if (untaken.count > 0 && !timer_.queued())
    co_await timer_.start(ctx, untaken.oldest + params_.batch_time());
}

// The consumer may have taken what the timer was started for.
Task<HrRestart> Notifier::due(Atomic& ctx, HrTimer& self) {
  Notifier& owner = static_cast<BatchTimer&>(self).owner;
  const ChainRing::Untaken untaken = co_await owner.ring_.untaken(ctx);
  if (untaken.count == 0) co_return HrRestart::no;
  const SimTime at = untaken.oldest + owner.params_.batch_time();
  if (at > ctx.now())
    co_await self.start(ctx, at);
  else
    co_await owner.wake(ctx);
  co_return HrRestart::no;
}

}  // namespace iodrome::designs::task_chain
