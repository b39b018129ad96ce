// SPDX-License-Identifier: Apache-2.0
// Scheduler events; names after Linux's tracepoints.
#pragma once
#include "model/events/probe.h"

namespace iodrome::events {

/// What a thread that leaves its CPU is from then on.
enum class PrevState : std::uint8_t { runnable, sleeping, dead };

/// A thread was made; it is runnable on `cpu` from the next event on. Shown only; its name is told
/// beside it (Probe::name).
struct TaskNewtask {
  static constexpr EventInfo info{"task_newtask", Subsystem::sched, "thread cpu"};
  std::uint64_t thread;
  std::uint64_t cpu;
  Words2 words() const { return {thread, cpu}; }
};

/// A CPU turns from one thread to another; 0 is the idle thread. A switch to idle is shown only.
struct SchedSwitch {
  static constexpr EventInfo info{"sched_switch", Subsystem::sched, "cpu prev next prev_state"};
  static constexpr auto counter = &Counters::context_switches;
  std::uint64_t cpu;
  std::uint64_t prev;
  std::uint64_t next;
  std::uint64_t prev_state;  // PrevState
  Words4 words() const { return {cpu, prev, next, prev_state}; }
};

/// A sleeping thread becomes runnable on `cpu`.
struct SchedWaking {
  static constexpr EventInfo info{"sched_waking", Subsystem::sched, "thread cpu"};
  static constexpr auto counter = &Counters::wakeups;
  std::uint64_t thread;
  std::uint64_t cpu;
  Words2 words() const { return {thread, cpu}; }
};

/// A thread that waits on one CPU is moved to another by load balancing.
struct SchedMigrateTask {
  static constexpr EventInfo info{"sched_migrate_task", Subsystem::sched, "thread from to"};
  std::uint64_t thread;
  std::uint64_t from;
  std::uint64_t to;
  Words3 words() const { return {thread, from, to}; }
};

}  // namespace iodrome::events
