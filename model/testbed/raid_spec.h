// SPDX-License-Identifier: Apache-2.0
// What a machine's file says of the array that its storage devices may be.
#pragma once
#include "model/kernel/md/resync.h"
#include "model/testbed/configuration.h"

namespace iodrome::testbed {

struct RaidSpec {
  std::int64_t chunk_bytes = 0;
  std::int64_t stripes = 0;  // 0: the file has no [raid]
  Rate speed_min;
  Rate speed_max;
  kernel::Raid5Costs costs;

  bool present() const { return stripes != 0; }
};

void describe_raid(RaidSpec& spec, ParameterList& list);
/// Reports values that no array can have.
void examine_raid(const RaidSpec& spec, Configuration& configuration);

}  // namespace iodrome::testbed
