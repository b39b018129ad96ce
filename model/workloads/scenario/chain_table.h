// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/workloads/scenario/scenario_file.h"
#include "model/workloads/scenario/toml_document.h"

namespace iodrome::workloads {

/// Reads `[chain]` with its steps. Errors: reported through the table; the result is then partial.
[[nodiscard]] ScenarioChain read_chain_table(TomlTable& table,
                                             const ScenarioVocabulary& vocabulary);

}  // namespace iodrome::workloads
