// SPDX-License-Identifier: Apache-2.0
// Where memory may run out. The modelled machine never does by itself; an oracle makes it.
#pragma once
#include "model/kernel/system.h"

namespace iodrome::kernel {

/// Asked before an object is made that Linux may fail to allocate. True: it fails, and the caller
/// passes on the errno that Linux's would. `site` names the object; never, unless an oracle says
/// so.
///
/// Differs: bios, requests and open files come from pools or are small enough never to fail.
inline bool allocation_fails(System& system, const char* site) {
  return system.timeline.choices().choose(Choice::allocation, 2, site) != 0;
}

}  // namespace iodrome::kernel
