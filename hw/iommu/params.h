// SPDX-License-Identifier: Apache-2.0
// The numbers of an IOMMU. No machine has one yet, so there is no part file.
#pragma once
#include "model/engine/parameters.h"

namespace iodrome::hw {

struct IommuParams {
  std::int64_t iotlb_entries = 0;  // translations kept, of all domains together
  Duration page_walk{};            // to find one that is not kept
  std::int64_t fault_records = 0;  // kept until software takes them

  /// What no IOMMU can be; empty problems mean that Iommu accepts the values.
  void examine(ParameterProblems& problems) const;
};

}  // namespace iodrome::hw
