// SPDX-License-Identifier: Apache-2.0
// Where a storage device that somebody else has modelled in SystemC takes the place of a part.
#pragma once
#include <functional>
#include <memory>

#include "hw/ports.h"

namespace iodrome::hosted {
class HostedDriver;
}

namespace iodrome::testbed {

/// What such a device reaches: host memory, the interrupt controller, and the bytes of the medium
/// by their offsets.
struct StorageSeat {
  hw::Target& memory;
  hw::Target& interrupts;
  hw::Target& medium;
};

/// Makes the device before the run and returns the port to its registers, which must be those that
/// the driver of storage.kind knows; see model/engine/hosted/bridge.h.
using ForeignStorage =
    std::function<std::unique_ptr<hw::Port>(hosted::HostedDriver& driver, const StorageSeat& seat)>;

/// The same, once the driver is known.
using StorageMaker = std::function<std::unique_ptr<hw::Port>(const StorageSeat& seat)>;

}  // namespace iodrome::testbed
