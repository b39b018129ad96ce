// SPDX-License-Identifier: Apache-2.0
// A virtio block device for SystemC systems.
#pragma once
#include "hw/virtio_blk/virtio_blk.h"
#include "model/engine/hosted/device_module.h"

namespace iodrome::hw {

using VirtioBlkShell = hosted::DeviceModule<VirtioBlk>;

/// As the core's constructor; what it refers to outlives the last run.
inline std::unique_ptr<VirtioBlkShell> make_virtio_blk_shell(hosted::HostedDriver& driver,
                                                             Timeline& timeline,
                                                             const std::string& name,
                                                             const VirtioBlkParams& params,
                                                             Medium& medium) {
  return std::make_unique<VirtioBlkShell>(driver, name, [&](Port& memory, Port& interrupts) {
    return std::make_unique<VirtioBlk>(params, timeline, memory, interrupts, medium);
  });
}

}  // namespace iodrome::hw
