// SPDX-License-Identifier: Apache-2.0
// The numbers of a virtio block device and the host behind it; every one comes from a part file.
#pragma once
#include "model/engine/parameters.h"

namespace iodrome::hw {

struct VirtioBlkParams {
  Duration notify_latency{};
  Duration host_work{};
  Duration poll{};
  Duration poll_interval{};
  Duration backend_latency{};
  Duration backend_flush{};
  Duration interrupt_latency{};
  std::int64_t queue_entries = 0;
  std::int64_t max_transfer = 0;
  Duration late_interrupt{};

  void describe(ParameterList& list);
  void examine(ParameterProblems& problems) const;
};

}  // namespace iodrome::hw
