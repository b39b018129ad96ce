// SPDX-License-Identifier: Apache-2.0
// An NVMe drive for SystemC systems.
#pragma once
#include "hw/nvme/nvme.h"
#include "model/engine/hosted/device_module.h"

namespace iodrome::hw {

using NvmeShell = hosted::DeviceModule<Nvme>;

/// As the core's constructor; what it refers to outlives the last run.
inline std::unique_ptr<NvmeShell> make_nvme_shell(hosted::HostedDriver& driver, Timeline& timeline,
                                                  const std::string& name, const NvmeParams& params,
                                                  Medium& medium, DrawKey key) {
  return std::make_unique<NvmeShell>(driver, name, [&](Port& memory, Port& interrupts) {
    return std::make_unique<Nvme>(params, timeline, memory, interrupts, medium, key);
  });
}

}  // namespace iodrome::hw
