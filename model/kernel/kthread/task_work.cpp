// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/kthread/task_work.h"

#include <utility>

namespace iodrome::kernel {

TaskWorks::TaskWorks(Thread& thread) : thread_(&thread) {
  check(thread.task_works == nullptr, "a thread has one list of task work");
  thread.task_works = this;
}

TaskWorks::~TaskWorks() {
  if (thread_ == nullptr) return;
  thread_->task_works = nullptr;
  thread_->notify_signal = false;
}

void TaskWorks::forget() {
  exited_ = true;
  thread_ = nullptr;
}

Task<Errno> TaskWorks::add(Atomic& ctx, Work& work) {
  if (exited_) co_return Errno::esrch;
  items_.push_back(&work);
  if (std::exchange(thread_->notify_signal, true) || !thread_->interruptible) co_return Errno::ok;
  co_await ctx.spend(ctx.costs().try_to_wake_up);
  // It may have woken meanwhile, and have done it all, or ended.
  if (thread_ == nullptr || !thread_->interruptible || !thread_->notify_signal) co_return Errno::ok;
  co_await wake_up(ctx, *thread_);
  co_return Errno::ok;
}

std::deque<Work*> TaskWorks::take_back() {
  return std::exchange(items_, {});
}

Task<void> TaskWorks::run(Sleepable& ctx) {
  thread_->notify_signal = false;
  while (!items_.empty()) {
    Work& work = *items_.front();
    items_.pop_front();
    co_await work.run(ctx);
    thread_->notify_signal = false;  // what has come meanwhile is done here
  }
}

Task<void> TaskWorks::exit(Sleepable& ctx) {
  exited_ = true;
  co_await run(ctx);
}

Task<void> task_work_run(Sleepable& ctx) {
  return ctx.thread().task_works->run(ctx);
}

}  // namespace iodrome::kernel
