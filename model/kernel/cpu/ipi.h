// SPDX-License-Identifier: Apache-2.0
// What an interrupt runs, and the interrupts that CPUs send each other.
#pragma once
#include <cstdint>

#include "model/engine/task.h"
#include "model/engine/timeline.h"

namespace iodrome::kernel {

class Atomic;
class Cpu;

/// What a hardirq or softirq runs. It lives as long as the machine.
class IrqAction {
 public:
  virtual ~IrqAction() = default;
  virtual Task<void> handle(Atomic& ctx) = 0;
  std::uint64_t vector = 0;
};

/// RESCHEDULE_VECTOR and CALL_FUNCTION_SINGLE_VECTOR of x86: no device is given them.
inline constexpr std::uint64_t kRescheduleVector = 0xfd;
inline constexpr std::uint64_t kCallFunctionVector = 0xfb;

/// An interrupt from one CPU to another, `cpu.ipi_latency` on its way; one is on its way at a time.
class Ipi : Event, public IrqAction {
 public:
  Ipi(Cpu& to, std::uint64_t number) : Event{&Ipi::due}, to_(to) { vector = number; }
  /// Its sender pays ipi_send.
  void send();
  bool under_way() const { return under_way_; }

 private:
  static void due(Event* self);
  Cpu& to_;
  bool under_way_ = false;
};

}  // namespace iodrome::kernel
