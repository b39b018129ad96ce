// SPDX-License-Identifier: Apache-2.0
// What holds of every reader, whatever bytes come in. A fuzz target that finds it broken aborts,
// which is how a fuzzer is told.
#pragma once
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "model/workloads/input/diagnostics.h"

namespace iodrome::fuzz {

inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

/// Valid UTF-8 without control characters, as a terminal and a JSON file want it.
inline bool is_showable(const std::string& text) {
  const bool clean = std::none_of(text.begin(), text.end(), [](char c) {
    return c != '\n' && (static_cast<unsigned char>(c) < 0x20U || c == '\x7F');
  });
  try {
    return clean && !nlohmann::json(text).dump().empty();
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

/// Exactly one of a result and an error; each finding says something, at a place that the input
/// has.
inline void check_findings(bool has_result, const workloads::Diagnostics& diagnostics,
                           std::string_view input) {
  require(has_result == diagnostics.ok(), "there is either a result or an error");
  const auto lines = std::count(input.begin(), input.end(), '\n') + 1;
  for (const workloads::Diagnostic& finding : diagnostics.entries()) {
    require(!finding.message.empty(), "a finding says something");
    require(finding.line >= 0 && finding.line <= lines, "a finding's line is one of the input");
    require(finding.column >= 0, "a finding's column is not negative");
    require(finding.source_line.empty() || input.find(finding.source_line) != input.npos,
            "a finding shows a line of the input");
  }
  require(is_showable(diagnostics.render()), "findings are text");
}

}  // namespace iodrome::fuzz
