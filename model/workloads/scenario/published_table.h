// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/workloads/scenario/scenario_file.h"
#include "model/workloads/scenario/toml_document.h"

namespace iodrome::workloads {

/// The figures of a run that are rates; all others are times.
inline constexpr std::string_view rate_metric = "requests_per_s";

/// Reads one `[[published]]`. Errors: a missing key, an unknown design or figure, a rate summed
/// with something else, a time without a unit.
[[nodiscard]] PublishedFigure read_published(TomlTable& table,
                                             const ScenarioVocabulary& vocabulary);

}  // namespace iodrome::workloads
