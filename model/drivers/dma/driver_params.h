// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "model/engine/time.h"

namespace iodrome::drivers {

/// What any DMA driver is told by the machine.
struct DmaDriverParams {
  std::int64_t descriptors = 0;    // of each channel
  Duration interrupt_delay{};      // an engine that can gathers completions for so long
  Duration timeout{};              // without a completion for so long, the driver looks by itself
  std::int64_t pending_level = 0;  // DmaChannel::Limits::pending_level
};

}  // namespace iodrome::drivers
