// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>

#include "model/workloads/raid_resync/resync_workload.h"

namespace iodrome::workloads {

/// One run of a resync. No application thread has any part in it.
class ResyncRun final : public WorkloadRun, public kernel::ResyncObserver {
 public:
  ResyncRun(const ResyncWorkload& workload, Stage& stage);

  std::uint32_t thread_count() const override { return 0; }
  void start(ArrivalListener& listener) override;
  std::uint64_t requests_total() const override { return workload_.stripes(); }
  std::uint64_t requests_issued() const override { return issued_; }
  std::string wrong_content() const override;
  std::vector<KernelThread> kernel_threads() const override;

  // app::ChainSource, which nobody asks
  chain::ChainRun* next(std::uint32_t) override { return nullptr; }
  bool ready(std::uint32_t) const override { return false; }
  bool exhausted(std::uint32_t) const override { return true; }
  bool open_loop() const override { return false; }
  void finished(std::uint32_t, chain::ChainRun&) override {}

  // kernel::ResyncObserver
  void on_stripe_begin(std::uint64_t member_sector, SimTime now) override;
  void on_stripe_asked(std::uint64_t member_sector, SimTime now) override;
  void on_stripe_end(std::uint64_t member_sector, SimTime now) override;
  void on_resync_end(SimTime now) override;

 private:
  const ResyncWorkload& workload_;
  Stage& stage_;
  kernel::Raid5& array_;
  std::unique_ptr<kernel::Resync> resync_;
  std::map<std::uint64_t, chain::ChainRun> present_;  // by sector of the members
  std::uint64_t issued_ = 0;
};

}  // namespace iodrome::workloads
