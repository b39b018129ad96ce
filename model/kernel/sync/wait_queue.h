// SPDX-License-Identifier: Apache-2.0
// Wait queues of modelled threads: the sleeper gives up its CPU, the waker pays for the wake-up.
#pragma once
#include <boost/intrusive/list.hpp>

#include "model/kernel/cpu/context.h"

namespace iodrome::kernel {

/// FIFO of sleeping threads.
///
/// Use: `while (!condition) co_await queue.wait(ctx, "what for", stage);`. A wake-up between the
/// check and the sleep is not lost, because the thread is queued first.
class WaitQueue {
 public:
  explicit WaitQueue(const char* name) : name_(name) {}
  WaitQueue(const WaitQueue&) = delete;
  WaitQueue& operator=(const WaitQueue&) = delete;

  class [[nodiscard]] Wait;
  /// Sleeps until the next wake-up; the request's time meanwhile belongs to `stage`.
  Wait wait(Sleepable& ctx, const char* waits_for, events::Stage stage);

  bool empty() const { return sleepers_.empty(); }
  /// Wakes the thread that waits longest. Legal in any context; costs try_to_wake_up if there is
  /// one.
  Task<void> wake_one(Atomic& ctx) {
    return sleepers_.empty() ? Task<void>::ready() : wake_first(ctx);
  }
  Task<void> wake_all(Atomic& ctx);
  /// Wakes everyone at no CPU's cost: for what comes from outside the machine.
  void wake_from_outside(System& system);
  const char* name() const { return name_; }

 private:
  struct Sleeper : boost::intrusive::list_base_hook<> {
    Thread* thread = nullptr;
  };
  Task<void> wake_first(Atomic& ctx);

  const char* name_;
  boost::intrusive::list<Sleeper> sleepers_;
};

class WaitQueue::Wait : WaitQueue::Sleeper {
 public:
  Wait(WaitQueue& queue, Sleepable& ctx, const char* waits_for, events::Stage stage)
      : queue_(queue), block_(ctx, waits_for, stage) {
    thread = &ctx.thread();
  }
  ~Wait() {
    if (is_linked()) queue_.sleepers_.erase(queue_.sleepers_.iterator_to(*this));
  }
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;

  bool await_ready() {
    queue_.sleepers_.push_back(*this);
    return block_.await_ready();
  }
  void await_suspend(std::coroutine_handle<> waiter) { block_.await_suspend(waiter); }
  void await_resume() { block_.await_resume(); }

 private:
  WaitQueue& queue_;
  Block block_;
};

inline WaitQueue::Wait WaitQueue::wait(Sleepable& ctx, const char* waits_for, events::Stage stage) {
  return {*this, ctx, waits_for, stage};
}

}  // namespace iodrome::kernel
