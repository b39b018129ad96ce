// SPDX-License-Identifier: Apache-2.0
// A driver's timer: it fires when nobody has pushed it back for a while.
#pragma once
#include "model/kernel/time/timer_wheel.h"

namespace iodrome::drivers {

/// Runs an action in the timer softirq when armed and left alone for `timeout`.
class Watchdog : kernel::Timer {
 public:
  Watchdog(Duration timeout, kernel::IrqAction& action)
      : Timer(&Watchdog::expired), timeout_(timeout), action_(action) {}

  /// Starts the time anew; when it has passed, the action runs on this CPU.
  Task<bool> arm(kernel::Atomic& ctx) { return mod_after(ctx, timeout_); }
  Task<bool> disarm(kernel::Atomic& ctx) { return del(ctx); }

 private:
  static Task<void> expired(kernel::Atomic& ctx, kernel::Timer& self) {
    return static_cast<Watchdog&>(self).action_.handle(ctx);
  }

  const Duration timeout_;
  kernel::IrqAction& action_;
};

}  // namespace iodrome::drivers
