// SPDX-License-Identifier: Apache-2.0
// Waiting on the timeline itself, for devices, remote parties and tests. Modelled threads wait
// through kernel/sync, which charges CPU time and involves the scheduler.
#pragma once
#include "model/engine/result.h"
#include "model/engine/timeline.h"

namespace iodrome {

/// Whether a cancellable wait ended by itself.
using WaitResult = Errno;  // ok, ecanceled or eintr

class WaitQueue;

/// Asks the waits it was given to end early. Cancellation is cooperative: the await returns the
/// errno.
class Canceller {
 public:
  explicit Canceller(Timeline& timeline) : timeline_(timeline) {}
  ~Canceller() {
    if (wait_ != nullptr) wait_->canceller = nullptr;
  }
  Canceller(const Canceller&) = delete;
  Canceller& operator=(const Canceller&) = delete;

  /// Ends the wait in progress, and every later one at once. The first reason stands.
  void cancel(Errno reason = Errno::ecanceled);
  Errno reason() const { return reason_; }
  Timeline& timeline() { return timeline_; }

  struct Waiting : ResumeEvent {
    Canceller* canceller = nullptr;
    Errno outcome = Errno::ok;
    virtual void abandon() = 0;  // leave whatever is waited for

   protected:
    // A frame may be destroyed in the middle of a wait, at the end of a run.
    ~Waiting() {
      if (canceller != nullptr && canceller->wait_ == this) canceller->leave();
    }
  };
  void enter(Waiting& wait) { wait_ = &wait; }
  void leave() { wait_ = nullptr; }

 private:
  Timeline& timeline_;
  Waiting* wait_ = nullptr;
  Errno reason_ = Errno::ok;
};

/// FIFO of coroutines that wait for a wake-up.
///
/// Order: FIFO; under exploration the woken waiter is chosen by the oracle.
class WaitQueue final : public Timeline::StallSource {
 public:
  class [[nodiscard]] Wait;

  WaitQueue(Timeline& timeline, const char* name) : timeline_(timeline), name_(name) {
    timeline.watch(*this);
  }
  ~WaitQueue();
  WaitQueue(const WaitQueue&) = delete;
  WaitQueue& operator=(const WaitQueue&) = delete;

  /// Waits for the next wake-up. Re-check the condition afterwards: this is not a counter.
  Wait wait();
  /// The same; returns ok, or the canceller's reason.
  Wait wait(Canceller& canceller);

  /// Wakes one waiter, if any. True if there was one.
  bool wake_one();
  void wake_all();

  bool empty() const { return count_ == 0; }
  std::size_t size() const { return count_; }
  void describe_stall(std::vector<StallLine>& lines) const override;

 private:
  friend class Wait;
  struct Node {
    Node* next = this;
    Node* prev = this;
  };
  void append(Node& node);
  void remove(Node& node);
  void release(Node& node);

  Timeline& timeline_;
  const char* name_;
  Node ring_;
  std::size_t count_ = 0;
};

class WaitQueue::Wait final : Canceller::Waiting, WaitQueue::Node {
 public:
  Wait(WaitQueue& queue, Canceller* by) : queue_(queue) { canceller = by; }
  ~Wait() {
    if (next != this) queue_.remove(*this);
  }
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;
  bool await_ready() {
    if (canceller == nullptr || canceller->reason() == Errno::ok) return false;
    outcome = canceller->reason();
    return true;
  }
  void await_suspend(std::coroutine_handle<> waiter) {
    handle = waiter;
    queue_.append(*this);
    if (canceller != nullptr) canceller->enter(*this);
  }
  WaitResult await_resume() const noexcept { return outcome; }

 private:
  friend class WaitQueue;
  void abandon() override { queue_.remove(*this); }
  WaitQueue& queue_;
};

inline WaitQueue::Wait WaitQueue::wait() {
  return {*this, nullptr};
}
inline WaitQueue::Wait WaitQueue::wait(Canceller& canceller) {
  return {*this, &canceller};
}

/// A one-shot event: waits after complete() return at once.
class Completion {
 public:
  Completion(Timeline& timeline, const char* name) : waiters_(timeline, name) {}

  void complete() {
    done_ = true;
    waiters_.wake_all();
  }
  bool done() const { return done_; }
  void reset() { done_ = false; }

  Task<void> wait() {
    while (!done_) co_await waiters_.wait();
  }

 private:
  WaitQueue waiters_;
  bool done_ = false;
};

/// A sleep that a canceller can end early: returns ok after `delay`, else the reason.
Task<WaitResult> sleep_for(Timeline& timeline, Duration delay, Canceller& canceller);

}  // namespace iodrome
