// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include "model/engine/time.h"

namespace iodrome::kernel {

/// Where kernel code gives way to a thread that should run instead. User code always does.
enum class Preemption : std::uint8_t {
  none,  // on its way back to user mode, where it sleeps, and where it asks: cond_resched
  full,  // wherever no spinlock is held and interrupts are on
};

/// Scheduling parameters that are not costs.
struct SchedulerParams {
  std::int64_t hz = 0;            // ticks per second of a CPU that is not idle; 0: none
  Duration latency{};             // in which every fair thread should run once
  Duration min_granularity{};     // a fair thread keeps the CPU at least this long at ticks
  Duration wakeup_granularity{};  // how far behind a woken thread must be to take the CPU
  Preemption preemption = Preemption::none;

  bool balancing = false;     // threads that wait go to CPUs that have less to do
  Duration migration_cost{};  // who ran so recently is left where its caches are warm

  std::int64_t sockets = 1;  // each has as many CPUs in a row; the last ones perhaps fewer

  // An idle CPU is in the shallow state at once and in the deep one once it has been idle for so
  // long. Without an exit latency it polls; without a time there is no deep state.
  Duration idle_exit_latency{};
  Duration deep_idle_after{};
  Duration deep_idle_exit_latency{};
  Duration ipi_latency{};  // from the sender's write until the interrupt reaches the other CPU
};

}  // namespace iodrome::kernel
