// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "model/engine/time.h"

namespace iodrome::kernel {

/// Timer parameters that are not costs. A jiffy is the scheduler's tick.
struct TimerParams {
  /// False: no one-shot clock event device; high-resolution timers expire in the timer softirq
  /// after the next tick, as up to Linux 2.6.20.
  bool high_resolution = true;
  Duration slack{};  // by which sleeps of fair threads may be put off to meet another expiry
};

}  // namespace iodrome::kernel
