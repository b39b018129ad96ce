// SPDX-License-Identifier: Apache-2.0
// All storage devices of a machine as one RAID 5.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "model/testbed/raid_spec.h"

namespace iodrome::testbed {

class RaidArray {
 public:
  /// `tx` is the machine's; `software` are the rates of its CPUs, which take over from engines that
  /// fail.
  RaidArray(const RaidSpec& spec, kernel::System& system,
            const std::vector<kernel::BlockDevice*>& members, std::uint64_t member_bytes,
            kernel::AsyncTx& tx, const kernel::SoftwareDmaRates& software)
      : costs_(spec.costs),
        by_cpu_(no_engines_, choice_, software),
        raid5_(system, members, {spec.chunk_bytes, spec.stripes, member_bytes / 512}, costs_, tx,
               by_cpu_),
        device_(raid5_) {}

  kernel::Raid5& raid5() { return raid5_; }
  bool at_rest() const {
    return raid5_.at_rest() && device_.in_flight() == 0 && device_.waiting() == 0;
  }
  /// What md costs the CPUs, by name.
  std::vector<std::pair<std::string, const kernel::Cost*>> costs() const {
    return {{"raid.stripe_get", &costs_.stripe_get},
            {"raid.stripe_handle", &costs_.stripe_handle},
            {"raid.stripe_member", &costs_.stripe_member},
            {"raid.member_end", &costs_.member_end}};
  }

 private:
  kernel::Raid5Costs costs_;
  kernel::DmaEngine no_engines_;
  kernel::EngineChoice choice_{no_engines_};
  kernel::AsyncTx by_cpu_;
  kernel::Raid5 raid5_;
  kernel::BlockDevice device_;
};

}  // namespace iodrome::testbed
