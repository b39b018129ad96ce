// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "model/testbed/preparation.h"
#include "model/testbed/run.h"

namespace iodrome::testbed {

/// The result object of a race.
nlohmann::ordered_json result_json(const PreparedRace& race, const std::vector<RunRecord>& records);

}  // namespace iodrome::testbed
