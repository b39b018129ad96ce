// SPDX-License-Identifier: Apache-2.0
// The numbers of an I/OAT copy engine; every one comes from a part file.
#pragma once
#include "model/engine/parameters.h"

namespace iodrome::hw {

struct IoatParams {
  std::int64_t channels = 0;
  std::int64_t max_transfer = 0;
  Duration doorbell_flight{};
  Duration descriptor_setup{};
  Rate rate{};
  Duration completion_write{};
  Duration msi_flight{};

  void describe(ParameterList& list);
  /// What no engine can be; empty problems mean that Ioat accepts the values.
  void examine(ParameterProblems& problems) const;
};

}  // namespace iodrome::hw
