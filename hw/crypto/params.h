// SPDX-License-Identifier: Apache-2.0
// The numbers of a crypto engine; every one comes from a part file.
#pragma once
#include "model/engine/parameters.h"

namespace iodrome::hw {

struct CryptoParams {
  std::int64_t queues = 0;
  std::int64_t engines = 0;
  std::int64_t max_bytes = 0;
  Duration doorbell_flight{};
  Duration descriptor_fetch{};
  Duration setup{};
  Rate cipher_rate{};
  Rate hash_rate{};
  Rate crc_rate{};
  Duration completion_write{};
  Duration msi_flight{};

  void describe(ParameterList& list);
  /// What no engine can be.
  void examine(ParameterProblems& problems) const;
};

}  // namespace iodrome::hw
