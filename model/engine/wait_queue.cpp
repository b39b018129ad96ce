// SPDX-License-Identifier: Apache-2.0
#include "model/engine/wait_queue.h"

#include <fmt/format.h>

namespace iodrome {

void Canceller::cancel(Errno reason) {
  if (reason_ != Errno::ok) return;
  reason_ = reason;
  if (wait_ == nullptr) return;
  Waiting& wait = *std::exchange(wait_, nullptr);
  wait.abandon();
  wait.outcome = reason;
  timeline_.post(wait);
}

WaitQueue::~WaitQueue() {
  while (count_ != 0) remove(*ring_.next);
}

void WaitQueue::append(Node& node) {
  node.prev = ring_.prev;
  node.next = &ring_;
  node.prev->next = &node;
  ring_.prev = &node;
  ++count_;
}

void WaitQueue::remove(Node& node) {
  node.prev->next = node.next;
  node.next->prev = node.prev;
  node.next = node.prev = &node;
  --count_;
}

void WaitQueue::release(Node& node) {
  remove(node);
  Wait& wait = static_cast<Wait&>(node);
  if (wait.canceller != nullptr) wait.canceller->leave();
  timeline_.post(wait);
}

bool WaitQueue::wake_one() {
  if (count_ == 0) return false;
  Node* node = ring_.next;
  std::uint32_t skip =
      timeline_.choices().choose(Choice::wake, static_cast<std::uint32_t>(count_), name_);
  while (skip-- > 0) node = node->next;
  release(*node);
  return true;
}

void WaitQueue::wake_all() {
  while (count_ != 0) release(*ring_.next);
}

void WaitQueue::describe_stall(std::vector<StallLine>& lines) const {
  if (count_ != 0) lines.push_back({fmt::format("{} waiter(s)", count_), name_});
}

namespace {

class CancellableSleep final : Canceller::Waiting {
 public:
  CancellableSleep(Duration delay, Canceller& by) : delay_(delay) { canceller = &by; }
  ~CancellableSleep() { abandon(); }
  CancellableSleep(const CancellableSleep&) = delete;
  CancellableSleep& operator=(const CancellableSleep&) = delete;

  bool await_ready() {
    outcome = canceller->reason();
    return outcome != Errno::ok;
  }
  void await_suspend(std::coroutine_handle<> waiter) {
    handle = waiter;
    timer_ = new Timer(*this);
    canceller->timeline().after(delay_, *timer_);
    canceller->enter(*this);
  }
  WaitResult await_resume() const noexcept { return outcome; }

 private:
  struct Timer final : OwnedEvent {
    CancellableSleep& sleep;
    explicit Timer(CancellableSleep& owner)
        : OwnedEvent(owner.canceller->timeline()), sleep(owner) {}
    void happen() override {
      sleep.timer_ = nullptr;
      sleep.canceller->leave();
      sleep.handle.resume();
    }
  };
  void abandon() override {
    if (timer_ != nullptr) std::exchange(timer_, nullptr)->cancel();
  }
  Duration delay_;
  Timer* timer_ = nullptr;
};

}  // namespace

Task<WaitResult> sleep_for(Timeline&, Duration delay, Canceller& canceller) {
  co_return co_await CancellableSleep{delay, canceller};
}

}  // namespace iodrome
