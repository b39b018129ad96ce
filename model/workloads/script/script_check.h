// SPDX-License-Identifier: Apache-2.0
// What a chain written in a scenario must be, beyond its words: told step by step.
#pragma once
#include <span>

#include "model/workloads/scenario/scenario_file.h"

namespace iodrome::workloads {

/// Reports what makes no sense, each at its step. The chains run beside each other.
void check_script(std::span<const ScenarioChain> chains, Diagnostics& diagnostics);

}  // namespace iodrome::workloads
