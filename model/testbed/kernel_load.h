// SPDX-License-Identifier: Apache-2.0
// What stands in a design's place where the kernel itself makes the load.
#pragma once
#include "model/designs/design.h"

namespace iodrome::testbed {

/// Named `kernel`, and no design: there is no application, so nothing of it is ever asked for more
/// than its name. It is not among designs::all().
const designs::Descriptor& kernel_load();

}  // namespace iodrome::testbed
