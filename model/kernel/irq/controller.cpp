// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/irq/controller.h"

#include "model/kernel/system.h"

namespace iodrome::kernel {

std::uint32_t IrqController::request_irq(IrqAction& action, std::uint32_t cpu,
                                         std::string_view name) {
  if (lines_.size() == kLocalTimerVector || lines_.size() == kRescheduleVector)
    lines_.push_back({nullptr, 0});
  const auto vector = static_cast<std::uint32_t>(lines_.size());
  action.vector = vector;
  if (!name.empty()) system_.probe.name(events::Named::vector, vector, name);
  lines_.push_back({&action, cpu});
  return vector;
}

Errno IrqController::set_affinity(std::uint32_t vector, std::uint32_t cpu) {
  if (vector >= lines_.size() || lines_[vector].action == nullptr) return Errno::einval;
  if (cpu >= system_.cpus.size()) return Errno::einval;
  lines_[vector].cpu = cpu;
  return Errno::ok;
}

hw::Response IrqController::access(hw::Command command, std::uint64_t address,
                                   std::span<std::byte>) {
  if (command != hw::Command::write) return hw::Response::command_error;
  const std::uint64_t vector = address / kMessageBytes;
  if (vector >= lines_.size() || lines_[vector].action == nullptr)
    return hw::Response::address_error;
  const Line& line = lines_[vector];
  system_.cpus[line.cpu]->raise_irq(*line.action);
  return hw::Response::ok;
}

}  // namespace iodrome::kernel
