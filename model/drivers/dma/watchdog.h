// SPDX-License-Identifier: Apache-2.0
// A driver's timer: it fires when nobody has pushed it back for a while.
#pragma once
#include "model/kernel/sync/timeout.h"

namespace iodrome::drivers {

/// Schedules a tasklet when armed and left alone for `timeout`; as mod_timer() and del_timer().
///
/// Differs: a Linux timer runs in the timer softirq; here it costs the tasklet's softirq alone.
class Watchdog {
 public:
  Watchdog(kernel::System& system, Duration timeout, kernel::IrqAction& tasklet)
      : system_(system), timeout_(timeout), tasklet_(tasklet) {}
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// Starts the time anew; when it has passed, the tasklet runs on that CPU.
  void arm(kernel::Cpu& cpu) {
    cpu_ = &cpu;
    deadline_ = system_.timeline.now() + timeout_;
    if (!timer_.armed()) timer_.arm(system_, deadline_);
  }
  void disarm() { timer_.cancel(); }

 private:
  // Armed anew, the timer is not moved: it finds the later deadline when it expires.
  static void expired(void* self) {
    auto& watchdog = *static_cast<Watchdog*>(self);
    if (watchdog.system_.timeline.now() < watchdog.deadline_)
      return watchdog.timer_.arm(watchdog.system_, watchdog.deadline_);
    watchdog.cpu_->schedule_tasklet(watchdog.tasklet_);
  }

  kernel::System& system_;
  const Duration timeout_;
  kernel::IrqAction& tasklet_;
  kernel::Cpu* cpu_ = nullptr;
  SimTime deadline_{};
  kernel::Timeout timer_{&Watchdog::expired, this};
};

}  // namespace iodrome::drivers
