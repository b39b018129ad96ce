// SPDX-License-Identifier: Apache-2.0
// A crypto engine for SystemC systems.
#pragma once
#include "hw/crypto/crypto.h"
#include "model/engine/hosted/device_module.h"

namespace iodrome::hw {

using CryptoShell = hosted::DeviceModule<Crypto>;

/// As the core's constructor; what it refers to outlives the last run.
inline std::unique_ptr<CryptoShell> make_crypto_shell(hosted::HostedDriver& driver,
                                                      Timeline& timeline, const std::string& name,
                                                      const CryptoParams& params,
                                                      bool payload_checked = true) {
  return std::make_unique<CryptoShell>(driver, name, [&](Port& memory, Port& interrupts) {
    return std::make_unique<Crypto>(params, timeline, memory, interrupts, payload_checked);
  });
}

}  // namespace iodrome::hw
