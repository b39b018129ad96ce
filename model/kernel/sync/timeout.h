// SPDX-License-Identifier: Apache-2.0
// A timer for sleeps and delayed work. The one place to exchange when the kernel has timers of its
// own.
#pragma once
#include <utility>

#include "model/kernel/cpu/context.h"

namespace iodrome::kernel {

/// Calls a function once, at a time, unless it is cancelled first. Destroying it cancels.
///
/// Differs from Linux: an event of the timeline, so it expires at exactly its time, in no context
/// and at no CPU's cost.
class Timeout {
 public:
  using Expired = void (*)(void* of);

  Timeout(Expired expired, void* of) : expired_(expired), of_(of) {}
  ~Timeout() { cancel(); }
  Timeout(const Timeout&) = delete;
  Timeout& operator=(const Timeout&) = delete;

  /// A time that has passed expires at once, but never inside the call.
  void arm(System& system, SimTime at) {
    cancel();
    pending_ = new Pending(*this, system.timeline);
    system.timeline.at(at, *pending_);
  }
  /// True if it was armed.
  bool cancel() {
    if (pending_ == nullptr) return false;
    std::exchange(pending_, nullptr)->cancel();
    return true;
  }
  bool armed() const { return pending_ != nullptr; }

 private:
  struct Pending final : OwnedEvent {
    Pending(Timeout& owner, Timeline& timeline) : OwnedEvent(timeline), timeout(&owner) {}
    // The end of a run may destroy it before its owner.
    ~Pending() override {
      if (timeout != nullptr && timeout->pending_ == this) timeout->pending_ = nullptr;
    }
    void cancel() {
      timeout = nullptr;
      OwnedEvent::cancel();
    }
    void happen() override {
      Timeout& due = *std::exchange(timeout, nullptr);
      due.pending_ = nullptr;
      due.expired_(due.of_);
    }
    Timeout* timeout;
  };

  Expired expired_;
  void* of_;
  Pending* pending_ = nullptr;
};

}  // namespace iodrome::kernel
