// SPDX-License-Identifier: Apache-2.0
// An engine of the iop13xx kind for SystemC systems.
#pragma once
#include "hw/dma/adma.h"
#include "model/engine/hosted/device_module.h"

namespace iodrome::hw {

using AdmaShell = hosted::DeviceModule<Adma>;

/// As the core's constructor; what it refers to outlives the last run.
inline std::unique_ptr<AdmaShell> make_adma_shell(hosted::HostedDriver& driver, Timeline& timeline,
                                                  const std::string& name, const AdmaParams& params,
                                                  bool payload_checked = true) {
  return std::make_unique<AdmaShell>(driver, name, [&](Port& memory, Port& interrupts) {
    return std::make_unique<Adma>(params, timeline, memory, interrupts, payload_checked);
  });
}

}  // namespace iodrome::hw
