// SPDX-License-Identifier: Apache-2.0
#include "model/explore/replay.h"

#include <fmt/format.h>

#include <string_view>

namespace iodrome::explore {

std::uint32_t Replay::choose(Choice kind, std::uint32_t options, const char* site) {
  if (next_ == record_.size()) return 0;
  const Decision& decision = record_[next_++];
  if (decision.kind != kind || decision.options != options ||
      std::string_view(decision.site) != site)
    throw ReplayDiverged(fmt::format(
        "decision {}: on record is one of {} options at '{}', the run asks for one of {} at '{}'",
        next_, decision.options, decision.site, options, site));
  return decision.picked;
}

}  // namespace iodrome::explore
