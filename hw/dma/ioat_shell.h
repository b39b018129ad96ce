// SPDX-License-Identifier: Apache-2.0
// An I/OAT copy engine for SystemC systems.
#pragma once
#include "hw/dma/ioat.h"
#include "model/engine/hosted/device_module.h"

namespace iodrome::hw {

using IoatShell = hosted::DeviceModule<Ioat>;

/// As the core's constructor; what it refers to outlives the last run.
inline std::unique_ptr<IoatShell> make_ioat_shell(hosted::HostedDriver& driver, Timeline& timeline,
                                                  const std::string& name, const IoatParams& params,
                                                  bool payload_checked = true) {
  return std::make_unique<IoatShell>(driver, name, [&](Port& memory, Port& interrupts) {
    return std::make_unique<Ioat>(params, timeline, memory, interrupts, payload_checked);
  });
}

}  // namespace iodrome::hw
