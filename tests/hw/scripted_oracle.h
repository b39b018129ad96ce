// SPDX-License-Identifier: Apache-2.0
// An oracle that answers some sites as told and decides by default elsewhere.
#pragma once
#include <deque>
#include <map>
#include <string>

#include "model/engine/choice.h"

namespace iodrome::hw::test {

class ScriptedOracle final : public ChoiceOracle {
 public:
  /// The next answers of a site, in order; afterwards it decides by default.
  std::map<std::string, std::deque<std::uint32_t>> script;

  std::uint32_t choose(Choice, std::uint32_t, const char* site) override {
    const auto found = script.find(site);
    if (found == script.end() || found->second.empty()) return 0;
    const std::uint32_t answer = found->second.front();
    found->second.pop_front();
    return answer;
  }
};

}  // namespace iodrome::hw::test
