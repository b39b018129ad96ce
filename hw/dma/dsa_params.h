// SPDX-License-Identifier: Apache-2.0
// The numbers of a data streaming accelerator; every one comes from a part file.
#pragma once
#include "model/engine/parameters.h"

namespace iodrome::hw {

struct DsaParams {
  std::int64_t work_queues = 0;
  std::int64_t engines = 0;
  std::int64_t entries = 0;
  std::int64_t engine_slots = 0;
  std::int64_t max_batch = 0;
  std::int64_t max_transfer = 0;
  Duration portal_flight{};
  Duration batch_fetch{};
  Duration descriptor_interval{};
  Duration descriptor_latency{};
  Rate rate{};
  Duration completion_write{};
  Duration page_fault{};
  Duration msi_flight{};

  void describe(ParameterList& list);
  /// What no device can be.
  void examine(ParameterProblems& problems) const;
};

}  // namespace iodrome::hw
