// SPDX-License-Identifier: Apache-2.0
#include "hw/iommu/params.h"

namespace iodrome::hw {

void IommuParams::examine(ParameterProblems& problems) const {
  problems.require(iotlb_entries >= 1 && iotlb_entries <= 65'536, "iotlb_entries",
                   "must be 1 to 65536");
  problems.require(page_walk >= Duration{0}, "page_walk", "must not be negative");
  problems.require(fault_records >= 1 && fault_records <= 256, "fault_records", "must be 1 to 256");
}

}  // namespace iodrome::hw
