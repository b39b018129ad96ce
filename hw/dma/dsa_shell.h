// SPDX-License-Identifier: Apache-2.0
// A DSA for SystemC systems.
#pragma once
#include "hw/dma/dsa.h"
#include "model/engine/hosted/device_module.h"

namespace iodrome::hw {

using DsaShell = hosted::DeviceModule<Dsa>;

/// As the core's constructor; what it refers to outlives the last run.
inline std::unique_ptr<DsaShell> make_dsa_shell(hosted::HostedDriver& driver, Timeline& timeline,
                                                const std::string& name, const DsaParams& params,
                                                bool payload_checked = true) {
  return std::make_unique<DsaShell>(driver, name, [&](Port& memory, Port& interrupts) {
    return std::make_unique<Dsa>(params, timeline, memory, interrupts, payload_checked);
  });
}

}  // namespace iodrome::hw
