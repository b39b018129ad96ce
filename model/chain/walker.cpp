// SPDX-License-Identifier: Apache-2.0
#include "model/chain/walker.h"

#include <algorithm>

namespace iodrome::chain {

static_assert(sizeof(Walker) <= 288, "a class of the pool: a million chains may be in flight");

Walker::Walker(WalkerHost& host, ChainRun& run)
    : host_(host), run_(run), first_(*this, run.ledger) {
  run.course.start(run.chain, run.results.data());
  branches_.push_back(first_);
}

Task<void> Walker::arm(kernel::Atomic& ctx) {
  const SimTime expires = run_.expires();
  if (expires == kNever) return Task<void>::ready();
  deadline_ = std::make_unique<Deadline>(*this);
  return then_done(deadline_->start(ctx, expires));
}

Task<void> Walker::disarm(kernel::Atomic& ctx) {
  if (deadline_ == nullptr) co_return;
  const bool ours = co_await deadline_->disarm(ctx);
  if (!ours) static_cast<void>(deadline_.release());
}

Task<Errno> Walker::cancel(kernel::Sleepable& ctx, Errno why) {
  stop(why);
  std::vector<Branch*> ready;
  if (let_go()) ready.push_back(&first_);  // nothing but clean-up will begin
  Errno outcome = Errno::ok;
  for (Branch& branch : branches_) {
    if (!ready.empty() && ready.front() == &branch) continue;
    if (branch.stop_waiting())
      ready.push_back(&branch);
    else if (branch.step_ && !branch.cleans_up_ && !branch.dropped_)
      outcome = Errno::ealready;
  }
  // Each is unended until it goes on, so the chain ends with the last one, and is not touched then.
  for (Branch* const branch : ready) co_await branch->go_on(ctx);
  co_return outcome;
}

kernel::FilePtr* Walker::opened_by(std::int16_t step) {
  const auto found = std::find_if(opened_.begin(), opened_.end(), [step](const Opened& each) {
    return each.step == static_cast<std::size_t>(step);
  });
  return found == opened_.end() || found->file == nullptr ? nullptr : &found->file;
}

// In a loop, a step that opens again lets go of what it opened before.
void Walker::keep_open(std::size_t step, kernel::FilePtr file) {
  const auto found = std::find_if(opened_.begin(), opened_.end(),
                                  [step](const Opened& each) { return each.step == step; });
  if (found == opened_.end())
    opened_.push_back({step, std::move(file)});
  else
    found->file = std::move(file);
}

}  // namespace iodrome::chain
