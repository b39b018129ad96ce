// SPDX-License-Identifier: Apache-2.0
// What the block layer does for a device in a thread: passed deadlines, and requests queued again.
#pragma once
#include <optional>

#include "model/kernel/block/request.h"
#include "model/kernel/kthread/kthread.h"
#include "model/kernel/time/clock_event.h"

namespace iodrome::kernel {

/// A device's timer for the deadlines of its requests, and the thread that it wakes.
///
/// The timer is set when a request starts and none is set, for its deadline. It is not moved when
/// requests end: when it is due, it is set for the oldest deadline left, or not at all. It goes off
/// at the first jiffy at or after that deadline.
///
/// Order: passed deadlines by hardware queue and tag; then what is queued again, FIFO.
///
/// Source: Linux block/blk-timeout.c and blk-mq.c, blk_add_timer(), blk_mq_timeout_work(),
/// blk_mq_requeue_work(). Differs: the timer costs nothing, is exact to the jiffy (Linux rounds its
/// first expiry up to a second, and the wheel rounds later ones) and does not look in every five
/// seconds; one thread per device, made when it is first needed, stands for kblockd and the
/// workqueues of drivers, so what is queued again waits while a driver is in timed_out().
class Kblockd final : public ThreadBody {
 public:
  Kblockd(System& system, BlockDevice& device, BlockDriver& driver);

  /// While none is set.
  void set_timer(SimTime deadline);
  bool timer_pending() const { return timer_.programmed() != kNever; }
  /// Queues the request to the driver, soon. Legal in any context; the wake-up is the caller's.
  Task<void> requeue(Atomic& ctx, Request& request);

  Task<void> run(Sleepable& ctx) override;

 private:
  static void due(void* self);
  SimTime oldest_deadline() const;
  void start_thread();
  Task<void> look(Sleepable& ctx);
  Task<void> tell(Sleepable& ctx, Request& request);
  Task<void> queue_again(Sleepable& ctx, Request& request);

  System& system_;
  BlockDevice& device_;
  BlockDriver& driver_;
  ClockEvent timer_;
  bool due_ = false;
  boost::intrusive::slist<Request, boost::intrusive::cache_last<true>> requeued_;
  WaitQueue idle_{"kblockd"};
  std::optional<RunningThread> thread_;
};

}  // namespace iodrome::kernel
