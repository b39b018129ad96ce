// SPDX-License-Identifier: Apache-2.0
// What a resync is for.
#pragma once
#include <cstdint>

namespace iodrome::kernel {

enum class SyncAction : std::uint8_t {
  resync,   // check every stripe's parity and write the right one: after a crash, or of a new array
  repair,   // the same because the administrator asks
  check,    // count the wrong ones
  recover,  // compute the blocks of the members that are not in sync
};

}  // namespace iodrome::kernel
