// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <memory>

#include "hw/ports.h"

namespace iodrome::testbed {

/// Makes the port through which something reaches a target: directly, or through sockets.
using PortMaker = std::function<std::unique_ptr<hw::Port>(hw::Target& target, const char* name)>;

}  // namespace iodrome::testbed
