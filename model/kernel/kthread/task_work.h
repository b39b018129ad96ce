// SPDX-License-Identifier: Apache-2.0
// Work that others give to a thread, and that it does on its way back to user mode: task_work.
//
// Source: Linux kernel/task_work.c, include/linux/sched/signal.h (set_notify_signal()).
// Differs: a thread in user mode is not kicked out of it, as with TWA_SIGNAL_NO_IPI; it meets its
// work on its next way out of the kernel. A call that is interrupted by it is EINTR.
#pragma once
#include <deque>

#include "model/kernel/kthread/kthread.h"
#include "model/kernel/kthread/task_work_run.h"

namespace iodrome::kernel {

/// One thread's, from when it can be given work until it ends.
class TaskWorks {
 public:
  explicit TaskWorks(Thread& thread);
  /// What is left then is never done.
  ~TaskWorks();
  TaskWorks(const TaskWorks&) = delete;
  TaskWorks& operator=(const TaskWorks&) = delete;

  /// task_work_add() with TWA_SIGNAL, in any context: queues it behind what is there, and if that
  /// is the first since the thread last looked, ends its interruptible sleep. `work` must live
  /// until it has run. Its code may spend time, but should not sleep for long: the thread is
  /// somebody else's.
  ///
  /// Errors: ESRCH, the thread has ended: it is not queued.
  Task<Errno> add(Atomic& ctx, Work& work);
  /// Takes back what it has not begun with, the oldest first.
  std::deque<Work*> take_back();
  bool empty() const { return items_.empty(); }
  /// Whether the thread has ended, or is about to: what it runs now, it runs as its last.
  bool exited() const { return exited_; }

  /// Of the thread alone: see task_work_run().
  Task<void> run(Sleepable& ctx);
  /// exit_task_work(): it ends; what is left runs now, and nothing can be added.
  Task<void> exit(Sleepable& ctx);

 private:
  friend struct Thread;
  /// The thread goes away.
  void forget();

  Thread* thread_;  // nullptr: it is gone
  std::deque<Work*> items_;
  bool exited_ = false;
};

}  // namespace iodrome::kernel
