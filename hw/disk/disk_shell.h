// SPDX-License-Identifier: Apache-2.0
// A hard disk behind AHCI registers for SystemC systems.
#pragma once
#include "hw/disk/disk.h"
#include "model/engine/hosted/device_module.h"

namespace iodrome::hw {

using DiskShell = hosted::DeviceModule<Disk>;

/// As the core's constructor; what it refers to outlives the last run.
inline std::unique_ptr<DiskShell> make_disk_shell(hosted::HostedDriver& driver, Timeline& timeline,
                                                  const std::string& name, const DiskParams& params,
                                                  Medium& medium, DrawKey key) {
  return std::make_unique<DiskShell>(driver, name, [&](Port& memory, Port& interrupts) {
    return std::make_unique<Disk>(params, timeline, memory, interrupts, medium, key);
  });
}

}  // namespace iodrome::hw
