// SPDX-License-Identifier: Apache-2.0
#include "model/designs/task_chain/chain_ring.h"

#include <algorithm>

#include "model/kernel/mm/allocation.h"

namespace iodrome::designs::task_chain {

using namespace kernel;

void RingCounts::merge(const RingCounts& other) {
  held += other.held;
  spilled += other.spilled;
  dropped += other.dropped;
  high_water = std::max(high_water, other.high_water);
}

ChainRing::ChainRing(System& system, ChainCosts& costs, const ChainParams& params,
                     WaitQueue& sleepers, std::uint64_t address)
    : system_(system),
      costs_(costs),
      params_(params),
      ring_(std::bit_ceil(static_cast<std::uint32_t>(params.ring_entries)), sleepers),
      completed_(address) {
  if (params.batches()) since_.resize(ring_.size());
}

RingCounts ChainRing::counts() const {
  const bool holding = params_.full == RingFull::hold;
  return {holding ? listed_ : 0, holding ? 0 : listed_, dropped_, ring_.high_water()};
}

// --- accepting ----------------------------------------------------------------------------------

Task<bool> ChainRing::room(Atomic& ctx) {
  const auto most = static_cast<std::uint64_t>(params_.max_chains);
  if (params_.full != RingFull::reserve) return Task<bool>::ready(in_kernel() < most);
  return then(ring_.occupied(ctx), [this](std::uint32_t used) {
    return Task<bool>::ready(in_kernel() + used < ring_.size());
  });
}

// --- ending -------------------------------------------------------------------------------------

Task<void> ChainRing::complete(Atomic& ctx, const ChainEvent& event) {
  if (params_.full == RingFull::hold) return hold(ctx, event);
  if (!held_.empty()) return spill(ctx, event);
  return then(ring_.append(ctx, event), [this, &ctx, event](bool posted) {
    if (posted) {
      note_time(ctx.now());
      return publish(ctx);
    }
    // With `reserve` a head that the user has spoilt: its own loss.
    return params_.full == RingFull::spill ? spill(ctx, event) : drop(ctx);
  });
}

Task<void> ChainRing::hold(Atomic& ctx, const ChainEvent& event) {
  held_.push_back({event, ctx.now()});
  ++listed_;
  return publish(ctx);
}

Task<void> ChainRing::spill(Atomic& ctx, ChainEvent event) {
  if (allocation_fails(system_, "chain overflow entry")) co_return co_await drop(ctx);
  co_await ctx.spend(costs_.overflow_entry);
  co_await hold(ctx, event);
}

Task<void> ChainRing::drop(Atomic& ctx) {
  ++dropped_;
  const auto shown = static_cast<std::uint32_t>(dropped_);
  return then(dropped_word_.store_release(ctx, shown), [this, &ctx] { return publish(ctx); });
}

// The user looks at the count before it sleeps, so it moves with every completion, whatever became
// of that. The barrier keeps the stores of one producer before those of the next.
Task<void> ChainRing::publish(Atomic& ctx) {
  ++ended_;
  if (params_.full == RingFull::reserve && params_.wake != WakeBy::futex)
    return Task<void>::ready();
  return then(completed_.value.store_release(ctx, static_cast<std::uint32_t>(ended_)),
              [&ctx] { return then_done(smp_mb(ctx)); });
}

Task<void> ChainRing::tell_task_work(Atomic& ctx) {
  return then_done(task_work_word_.store_release(ctx, ++task_work_told_));
}

void ChainRing::note_time(SimTime since) {
  if (!since_.empty()) since_[(ring_.posted() - 1) % since_.size()] = since;
}

Task<void> ChainRing::forget_held(Atomic& ctx) {
  if (held_.empty()) return Task<void>::ready();
  accepted_ -= held_.size();
  ended_ -= held_.size();
  held_.clear();
  return then_done(completed_.value.store_release(ctx, static_cast<std::uint32_t>(ended_)));
}

Task<ChainEvent*> ChainRing::next_to_move(Atomic& ctx) {
  return then(ring_.occupied(ctx), [this](std::uint32_t used) {
    const bool moves = !held_.empty() && used < ring_.size();
    return Task<ChainEvent*>::ready(moves ? &held_.front().event : nullptr);
  });
}

Task<bool> ChainRing::move_one(Atomic& ctx) {
  if (held_.empty()) co_return false;
  const Held oldest = held_.front();
  const std::uint32_t used = co_await ring_.occupied(ctx);
  if (used == ring_.size()) co_return false;
  co_await ctx.spend(costs_.ring_post);
  const bool posted = co_await ring_.append(ctx, oldest.event);
  if (!posted) co_return false;  // the user has moved its head back meanwhile
  note_time(oldest.since);
  held_.pop_front();
  co_return true;
}

bool ChainRing::holds(std::uint64_t user_data) const {
  return std::ranges::any_of(
      held_, [user_data](const Held& each) { return each.event.user_data == user_data; });
}

Task<ChainRing::Untaken> ChainRing::untaken(Atomic& ctx) {
  return then(ring_.occupied(ctx), [this](std::uint32_t used) {
    Untaken found{used + held_.size(), {}};
    if (used > 0 && !since_.empty())
      found.oldest = since_[(ring_.posted() - used) % since_.size()];
    else if (!held_.empty())
      found.oldest = held_.front().since;
    return Task<Untaken>::ready(found);
  });
}

// --- the user's look ----------------------------------------------------------------------------

Task<ChainRing::View> ChainRing::look(Atomic& user) {
  View view;
  view.completed = co_await completed_.value.load_acquire(user);
  view.entries = co_await ring_.has_entries(user);
  view.dropped = co_await dropped_word_.load_acquire(user);
  co_return view;
}

}  // namespace iodrome::designs::task_chain
