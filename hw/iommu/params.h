// SPDX-License-Identifier: Apache-2.0
// The numbers of an IOMMU; every one comes from a part file.
#pragma once
#include "model/engine/parameters.h"

namespace iodrome::hw {

struct IommuParams {
  std::int64_t iotlb_entries = 0;
  Duration page_walk{};
  std::int64_t fault_records = 0;

  void describe(ParameterList& list);
  /// What no IOMMU can be; empty problems mean that Iommu accepts the values.
  void examine(ParameterProblems& problems) const;
};

}  // namespace iodrome::hw
