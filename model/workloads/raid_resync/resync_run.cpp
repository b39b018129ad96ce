// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/raid_resync/resync_run.h"

namespace iodrome::workloads {

using kernel::SyncAction;

ResyncRun::ResyncRun(const ResyncWorkload& workload, Stage& stage)
    : workload_(workload), stage_(stage), array_(*stage.array) {}

// A recovery is that of the last member, which has been replaced.
void ResyncRun::start(ArrivalListener&) {
  if (workload_.action() == SyncAction::recover) {
    const std::uint32_t last = array_.layout().members - 1;
    array_.fail_member(last);
    array_.add_spare(last);
  }
  kernel::ResyncParams params = stage_.resync;
  params.member_sectors = workload_.member_sectors();
  resync_ =
      std::make_unique<kernel::Resync>(stage_.system, array_, workload_.action(), params, this);
}

void ResyncRun::on_stripe_begin(std::uint64_t member_sector, SimTime now) {
  chain::ChainRun& run = present_[member_sector];
  run.id = member_sector / kernel::kStripeSectors;
  chain::Step step;
  step.op = chain::Op::read;
  step.bytes = kernel::kStripeBytes;
  run.chain.steps.push_back(step);
  run.start(now);
  run.ledger.enter(events::Stage::queue, now);
  ++issued_;
  stage_.population.arrive(now);
}

// It may have ended already.
void ResyncRun::on_stripe_asked(std::uint64_t member_sector, SimTime now) {
  const auto found = present_.find(member_sector);
  if (found != present_.end()) found->second.ledger.enter(events::Stage::device, now);
}

void ResyncRun::on_stripe_end(std::uint64_t member_sector, SimTime now) {
  const auto found = present_.find(member_sector);
  check(found != present_.end(), "a stripe ended that a resync had not taken up");
  chain::ChainRun& run = found->second;
  run.results[0] = kernel::kStripeBytes;
  stage_.requests->on_request(run, run.ledger.close(now), array_.thread().cpu->index());
  present_.erase(found);
}

void ResyncRun::on_resync_end(SimTime) {
  stage_.requests->on_thread_end();
}

std::string ResyncRun::wrong_content() const {
  return resync_->completed() ? std::string{} : "the resync did not go to its end";
}

std::vector<KernelThread> ResyncRun::kernel_threads() const {
  std::vector<KernelThread> all;
  for (const kernel::Thread* const thread : {&array_.thread(), &resync_->thread()})
    all.push_back({thread->name, thread->cpu_time});
  return all;
}

}  // namespace iodrome::workloads
