// SPDX-License-Identifier: Apache-2.0
// A network card for SystemC systems; its wire ends at a NetworkPeer.
#pragma once
#include "hw/nic/nic.h"
#include "model/engine/hosted/device_module.h"

namespace iodrome::hw {

using NicShell = hosted::DeviceModule<Nic>;

/// As the core's constructor; what it refers to outlives the last run.
inline std::unique_ptr<NicShell> make_nic_shell(hosted::HostedDriver& driver, Timeline& timeline,
                                                const std::string& name, const NicParams& params,
                                                NetworkPeer& peer) {
  return std::make_unique<NicShell>(driver, name, [&](Port& memory, Port& interrupts) {
    return std::make_unique<Nic>(params, timeline, memory, interrupts, peer);
  });
}

}  // namespace iodrome::hw
