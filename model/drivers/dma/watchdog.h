// SPDX-License-Identifier: Apache-2.0
// A driver's timer: it fires when nobody has pushed it back for a while.
#pragma once
#include "model/engine/timeline.h"
#include "model/kernel/cpu/cpu.h"

namespace iodrome::drivers {

/// Schedules a tasklet when armed and left alone for `timeout`; as mod_timer() and del_timer().
///
/// Differs: a Linux timer runs in the timer softirq; here it costs the tasklet's softirq alone.
class Watchdog {
 public:
  Watchdog(Timeline& timeline, Duration timeout, kernel::IrqAction& tasklet)
      : timeline_(timeline), timeout_(timeout), tasklet_(tasklet) {}
  ~Watchdog() { disarm(); }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// Starts the time anew; when it has passed, the tasklet runs on that CPU.
  void arm(kernel::Cpu& cpu) {
    cpu_ = &cpu;
    deadline_ = timeline_.now() + timeout_;
    if (timer_ == nullptr) start();
  }
  void disarm() {
    if (timer_ == nullptr) return;
    timer_->owner = nullptr;
    timer_->cancel();
    timer_ = nullptr;
  }
  std::uint64_t fired() const { return fired_; }

 private:
  struct Timer final : OwnedEvent {
    explicit Timer(Watchdog& by) : OwnedEvent(by.timeline_), owner(&by) {}
    ~Timer() override {
      if (owner != nullptr && owner->timer_ == this) owner->timer_ = nullptr;
    }
    void happen() override {
      owner->timer_ = nullptr;
      owner->expire();
    }
    Watchdog* owner;
  };

  void start() {
    timer_ = new Timer(*this);
    timeline_.at(deadline_, *timer_);
  }
  void expire() {
    if (timeline_.now() < deadline_) return start();
    ++fired_;
    cpu_->schedule_tasklet(tasklet_);
  }

  Timeline& timeline_;
  const Duration timeout_;
  kernel::IrqAction& tasklet_;
  kernel::Cpu* cpu_ = nullptr;
  SimTime deadline_{};
  Timer* timer_ = nullptr;
  std::uint64_t fired_ = 0;
};

}  // namespace iodrome::drivers
