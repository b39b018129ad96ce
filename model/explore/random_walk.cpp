// SPDX-License-Identifier: Apache-2.0
#include "model/explore/random_walk.h"

#include "model/engine/random.h"

namespace iodrome::explore {

std::uint32_t RandomWalk::choose(Choice kind, std::uint32_t options, const char* site) {
  const std::uint64_t bits = draw(seed_, Purpose::exploration, record_.size());
  const auto picked = static_cast<std::uint32_t>(below(bits, options));
  record_.push_back({kind, options, picked, site});
  return picked;
}

}  // namespace iodrome::explore
