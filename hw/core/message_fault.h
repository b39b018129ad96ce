// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "model/engine/timeline.h"

namespace iodrome::hw {

/// How many messages the oracle makes of one: 1, none (a lost interrupt) or 2 (a doubled one).
inline int messages_sent(Timeline& timeline, const char* site) {
  const std::uint32_t fault = timeline.choices().choose(Choice::fault, 3, site);
  return fault == 0 ? 1 : fault == 1 ? 0 : 2;
}

}  // namespace iodrome::hw
