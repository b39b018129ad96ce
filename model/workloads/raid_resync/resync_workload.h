// SPDX-License-Identifier: Apache-2.0
// A resync of the machine's array: a load that the kernel makes by itself.
#pragma once
#include "model/kernel/md/resync.h"
#include "model/workloads/scenario/scenario_file.h"
#include "model/workloads/workload.h"

namespace iodrome::workloads {

/// Each stripe is a request of a block of each member. Its bytes are those of one member, so that
/// the throughput is what /proc/mdstat calls the speed.
///
/// Stages: `queue` until the stripe has a head and its blocks are on their way, `device` from then
/// on until it is in sync, whatever raid5d and an engine do with it.
/// Differs: no bytes are moved, so every parity is right.
class ResyncWorkload final : public Workload {
 public:
  /// `member_bytes`: how far it goes on each member.
  ResyncWorkload(kernel::SyncAction action, std::uint64_t member_bytes)
      : action_(action), member_bytes_(member_bytes) {}

  std::uint64_t file_bytes() const override { return 0; }
  std::uint32_t file_count() const override { return 0; }
  bool payload_checked() const override { return false; }
  Errno lay_out(kernel::FileSystem&) const override { return Errno::ok; }
  std::unique_ptr<WorkloadRun> start(Stage& stage) const override;
  bool made_by_kernel() const override { return true; }
  nlohmann::ordered_json summary() const override;
  std::vector<designs::Difference> not_modelled() const override;

  kernel::SyncAction action() const { return action_; }
  std::uint64_t member_sectors() const { return member_bytes_ / 512; }
  std::uint64_t stripes() const { return member_bytes_ / kernel::kStripeBytes; }

 private:
  const kernel::SyncAction action_;
  const std::uint64_t member_bytes_;
};

}  // namespace iodrome::workloads
