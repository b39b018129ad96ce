// SPDX-License-Identifier: Apache-2.0
// The numbers of a network card and of the clients at the other end; every one comes from a part
// file.
#pragma once
#include "model/engine/parameters.h"

namespace iodrome::hw {

struct NicParams {
  Duration doorbell_flight{};
  Duration descriptor_fetch{};
  Rate host_rate{};
  Rate link_rate{};
  Duration propagation{};
  std::int64_t mss = 0;
  std::int64_t frame_overhead = 0;
  Duration host_write{};
  Duration msi_flight{};
  Duration interrupt_interval{};
  Duration late_interrupt{};

  void describe(ParameterList& list);
  /// What no card can be.
  void examine(ParameterProblems& problems) const;
};

struct ClientParams {
  Rate drain_rate{};
  Duration ack_delay{};

  void describe(ParameterList& list);
  void examine(ParameterProblems& problems) const;
};

}  // namespace iodrome::hw
