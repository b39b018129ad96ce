// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "model/testbed/preparation.h"
#include "model/testbed/run.h"

namespace iodrome::testbed {

/// What every machine leaves out, whatever it is made of.
std::span<const designs::Difference> machine_differences();

/// The result object of a race.
nlohmann::ordered_json result_json(const PreparedRace& race, const std::vector<RunRecord>& records);

}  // namespace iodrome::testbed
