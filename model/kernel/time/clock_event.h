// SPDX-License-Identifier: Apache-2.0
// A one-shot clock event device: the hardware below the kernel's timers.
#pragma once
#include <utility>

#include "model/engine/timeline.h"

namespace iodrome::kernel {

/// Calls a function once, at a time, unless it is programmed anew first. Outside any context:
/// whoever is called raises an interrupt.
///
/// Differs from hardware: exact to the picosecond.
class ClockEvent {
 public:
  using Due = void (*)(void* of);

  ClockEvent(Timeline& timeline, Due due, void* of) : timeline_(timeline), due_(due), of_(of) {}
  ~ClockEvent() { stop(); }
  ClockEvent(const ClockEvent&) = delete;
  ClockEvent& operator=(const ClockEvent&) = delete;

  /// A time that has passed is due at once, but never inside the call; kNever stops the device.
  void program(SimTime at) {
    if (pending_ != nullptr && at == at_) return;
    stop();
    at_ = at;
    if (at == kNever) return;
    pending_ = new Pending(*this);
    timeline_.at(at, *pending_);
  }
  /// When it is due; kNever while it is stopped.
  SimTime programmed() const { return pending_ != nullptr ? at_ : kNever; }

 private:
  struct Pending final : OwnedEvent {
    explicit Pending(ClockEvent& of) : OwnedEvent(of.timeline_), device(&of) {}
    // The end of a run may destroy it before its device.
    ~Pending() override {
      if (device != nullptr && device->pending_ == this) device->pending_ = nullptr;
    }
    void happen() override {
      ClockEvent& due = *std::exchange(device, nullptr);
      due.pending_ = nullptr;
      due.due_(due.of_);
    }
    ClockEvent* device;
  };
  void stop() {
    if (pending_ == nullptr) return;
    Pending& pending = *std::exchange(pending_, nullptr);
    pending.device = nullptr;
    pending.cancel();
  }

  Timeline& timeline_;
  Due due_;
  void* of_;
  Pending* pending_ = nullptr;
  SimTime at_{};
};

}  // namespace iodrome::kernel
