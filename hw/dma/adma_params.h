// SPDX-License-Identifier: Apache-2.0
// The numbers of an ADMA engine; every one comes from a part file.
#pragma once
#include "model/engine/parameters.h"

namespace iodrome::hw {

struct AdmaParams {
  std::int64_t channels = 0;
  std::int64_t max_transfer = 0;
  std::int64_t max_sources = 0;
  Duration doorbell_flight{};
  Duration descriptor_fetch{};
  Rate rate{};
  Duration completion_write{};
  Duration msi_flight{};

  void describe(ParameterList& list);
  /// What no engine can be.
  void examine(ParameterProblems& problems) const;
};

}  // namespace iodrome::hw
