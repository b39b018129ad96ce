// SPDX-License-Identifier: Apache-2.0
// The interrupt controller as drivers and devices see it: a vector per handler, a CPU per vector.
#pragma once
#include <string_view>
#include <vector>

#include "hw/ports.h"
#include "model/engine/result.h"
#include "model/kernel/cpu/cpu.h"

namespace iodrome::kernel {

/// Turns message-signalled interrupts, writes to message_address(), into hardirqs on the vector's
/// CPU.
class IrqController final : public hw::Target {
 public:
  explicit IrqController(System& system) : system_(system) {}

  /// The vector that the `count`th handler to ask is given, from 0.
  static constexpr std::uint64_t vector_of(std::uint64_t count) {
    if (count >= kLocalTimerVector) ++count;
    return count < kRescheduleVector ? count : count + 1;
  }
  /// Where a device writes to raise that vector.
  static constexpr std::uint64_t message_address(std::uint32_t vector) {
    return std::uint64_t{vector} * kMessageBytes;
  }
  /// request_irq(): gives the handler a vector, served on that CPU, and tells observers its name.
  /// `action` outlives the machine's run.
  std::uint32_t request_irq(IrqAction& action, std::uint32_t cpu, std::string_view name = {});

  /// /proc/irq/N/smp_affinity with one CPU: the vector's next message goes there.
  ///
  /// Errors: EINVAL for a vector nobody asked for or a CPU that is not there.
  Errno set_affinity(std::uint32_t vector, std::uint32_t cpu);

  /// A message arrives. Errors: address_error for a vector nobody asked for.
  hw::Response access(hw::Command command, std::uint64_t address,
                      std::span<std::byte> data) override;

 private:
  static constexpr std::uint64_t kMessageBytes = 4;
  struct Line {
    IrqAction* action;
    std::uint32_t cpu;
  };
  System& system_;
  std::vector<Line> lines_;
};

}  // namespace iodrome::kernel
