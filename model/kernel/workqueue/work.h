// SPDX-License-Identifier: Apache-2.0
// What is queued on a concurrency-managed workqueue.
#pragma once
#include <boost/intrusive/list.hpp>

#include "model/kernel/cpu/context.h"

namespace iodrome::kernel::wq {

class Worker;
class Workqueue;
struct PoolWorkqueue;

using Hook =
    boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
template <class T>
using List = boost::intrusive::list<T, boost::intrusive::constant_time_size<false>>;

/// A thread that waits for the end of one run of an item.
struct Barrier : Hook {
  explicit Barrier(Thread& who) : thread(who) {}
  Thread& thread;
  bool over = false;
};

/// An item: a function that a worker runs once for each time it was queued with success.
///
/// It must live until it has run; run() may end its life, unless it was queued again meanwhile.
///
/// Source: Linux Documentation/core-api/workqueue.rst, struct work_struct.
class Work : public Hook {
 public:
  Work() = default;
  virtual ~Work();
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

  virtual Task<void> run(Sleepable& ctx) = 0;
  /// Queued and not yet begun, work_pending().
  bool pending() const { return pending_; }
  bool running() const { return runs_on_ != nullptr; }

  std::uint64_t id = 0;

 protected:
  /// Makes an item that a timer will queue stay off its queue. True if the timer was set.
  virtual bool stop_timer() { return false; }

 private:
  friend class Worker;
  friend class Workqueue;
  friend class DelayedWork;
  friend class Rescuer;
  friend class PoolWorker;
  friend class WorkerPool;
  friend struct PoolWorkqueue;
  friend Task<bool> grab_pending(Atomic& ctx, Work& work);
  friend Task<bool> flush_work(Sleepable& ctx, Work& work);
  friend Task<bool> cancel_work_sync(Sleepable& ctx, Work& work);

  bool pending_ = false;
  bool active_ = false;           // max_active lets it run
  std::uint32_t cancels_ = 0;     // cancellations under way: it cannot be queued
  std::uint64_t color_ = 0;       // which flush_workqueue() waits for it
  PoolWorkqueue* pwq_ = nullptr;  // where it stands in a list; pending without: on a timer
  Worker* runs_on_ = nullptr;
  List<Barrier> barriers_;  // for the run that is pending
};

/// Whether the item was queued, or ran: sleeps until the last queueing before the call has ended.
/// One whose timer has not expired is not queued.
///
/// Differs from Linux: a flush is no item of its own, so a worker takes no time for it.
Task<bool> flush_work(Sleepable& ctx, Work& work);

/// Takes the item off its queue and sleeps until it does not run; it cannot be queued meanwhile.
/// True if it was pending. An item must not cancel itself.
///
/// Differs from Linux: free, apart from sleeping and waking.
Task<bool> cancel_work_sync(Sleepable& ctx, Work& work);

}  // namespace iodrome::kernel::wq
