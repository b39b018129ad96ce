// SPDX-License-Identifier: Apache-2.0
#include "model/testbed/raid_spec.h"

namespace iodrome::testbed {

void describe_raid(RaidSpec& spec, ParameterList& list) {
  list.add("chunk", "B", "bytes in a row on one member", &spec.chunk_bytes);
  list.add("stripes", "", "stripe heads: a page of each member at a time", &spec.stripes);
  list.add("speed_min", "B/s", "a resync's rate on each member below which it heeds nobody",
           &spec.speed_min);
  list.add("speed_max", "B/s", "a resync's rate on each member above which it pauses",
           &spec.speed_max);
  list.add("stripe_get", "s", "a stripe found or taken, and let go", &spec.costs.stripe_get.each);
  list.add("stripe_handle", "s", "a look at a stripe and what is decided then",
           &spec.costs.stripe_handle.each);
  list.add("stripe_member", "s", "the part of a look that each member takes",
           &spec.costs.stripe_member.each);
  list.add("member_end", "s", "the end of a member's bio noted", &spec.costs.member_end.each);
}

void examine_raid(const RaidSpec& spec, Configuration& configuration) {
  const auto require = [&](bool condition, const char* what) {
    if (!condition) configuration.diagnostics().error({}, what);
  };
  require(spec.chunk_bytes >= kernel::kStripeBytes && spec.chunk_bytes % kernel::kStripeBytes == 0,
          "raid.chunk must be a multiple of 4 KiB");
  require(spec.stripes >= 4 && spec.stripes <= 32768, "raid.stripes must be 4 to 32768");
  require(spec.speed_max.bytes_per_s > 0, "raid.speed_max must be positive");
}

}  // namespace iodrome::testbed
