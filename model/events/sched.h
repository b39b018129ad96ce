// SPDX-License-Identifier: Apache-2.0
// Scheduler events; names after Linux's tracepoints.
#pragma once
#include "model/events/probe.h"

namespace iodrome::events {

/// A CPU turns from one thread to another; 0 is the idle thread.
struct SchedSwitch {
  static constexpr EventInfo info{"sched_switch", Subsystem::sched};
  static constexpr auto counter = &Counters::context_switches;
  std::uint64_t cpu;
  std::uint64_t prev;
  std::uint64_t next;
  Words3 words() const { return {cpu, prev, next}; }
};

/// A sleeping thread becomes runnable on `cpu`.
struct SchedWaking {
  static constexpr EventInfo info{"sched_waking", Subsystem::sched};
  static constexpr auto counter = &Counters::wakeups;
  std::uint64_t thread;
  std::uint64_t cpu;
  Words2 words() const { return {thread, cpu}; }
};

}  // namespace iodrome::events
