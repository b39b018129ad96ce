// SPDX-License-Identifier: Apache-2.0
// Interrupt events; names after Linux's tracepoints.
#pragma once
#include "model/events/probe.h"

namespace iodrome::events {

/// A message-signalled interrupt reaches its CPU. Shown only.
struct IrqRaise {
  static constexpr EventInfo info{"irq_raise", Subsystem::irq, "cpu vector"};
  std::uint64_t cpu;
  std::uint64_t vector;
  Words2 words() const { return {cpu, vector}; }
};

/// A hardirq handler starts.
struct IrqHandlerEntry {
  static constexpr EventInfo info{"irq_handler_entry", Subsystem::irq, "cpu vector"};
  static constexpr auto counter = &Counters::interrupts;
  std::uint64_t cpu;
  std::uint64_t vector;
  Words2 words() const { return {cpu, vector}; }
};

/// A hardirq handler ends.
struct IrqHandlerExit {
  static constexpr EventInfo info{"irq_handler_exit", Subsystem::irq, "cpu vector"};
  std::uint64_t cpu;
  std::uint64_t vector;
  Words2 words() const { return {cpu, vector}; }
};

/// A softirq is marked pending.
struct SoftirqRaise {
  static constexpr EventInfo info{"softirq_raise", Subsystem::irq, "cpu vector"};
  std::uint64_t cpu;
  std::uint64_t vector;
  Words2 words() const { return {cpu, vector}; }
};

/// A softirq handler starts.
struct SoftirqEntry {
  static constexpr EventInfo info{"softirq_entry", Subsystem::irq, "cpu vector"};
  std::uint64_t cpu;
  std::uint64_t vector;
  Words2 words() const { return {cpu, vector}; }
};

/// A softirq handler ends.
struct SoftirqExit {
  static constexpr EventInfo info{"softirq_exit", Subsystem::irq, "cpu vector"};
  std::uint64_t cpu;
  std::uint64_t vector;
  Words2 words() const { return {cpu, vector}; }
};

}  // namespace iodrome::events
