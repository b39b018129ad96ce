// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

namespace iodrome::hw {

/// Whose draws these are: the run's seed, and which of the machine's devices draws.
struct DrawKey {
  std::uint64_t seed = 0;
  std::uint64_t device = 0;
};

}  // namespace iodrome::hw
