// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/md/resync.h"

#include <algorithm>

namespace iodrome::kernel {

Resync::Resync(System& system, Raid5& array, SyncAction action, const ResyncParams& params,
               ResyncObserver* observer)
    : system_(system),
      array_(array),
      action_(action),
      params_(params),
      observer_(observer),
      end_(params.member_sectors == 0 ? array.member_sectors()
                                      : std::min(params.member_sectors, array.member_sectors())),
      last_events_(array.layout().members),
      thread_(system, "md0_resync", events::CpuClass::kthread, 0, *this) {}

// Of a degraded array there is no parity to check; without a spare nothing to recover.
bool Resync::may_run() const {
  if (action_ != SyncAction::recover) return array_.degraded() == 0;
  if (array_.degraded() != 1) return false;
  for (std::uint32_t i = 0; i < array_.layout().members; ++i)
    if (array_.member(i).faulty) return false;
  return true;
}

Task<void> Resync::run(Sleepable& ctx) {
  if (may_run()) {
    array_.listen(this, action_ == SyncAction::check);
    co_await go_through(ctx);
    co_await array_.unplug(ctx);
    while (active_ > 0) co_await idle_.wait(ctx, "stripes in sync", events::Stage::queue);
    completed_ = next_ >= end_ && !failed_ && !array_.interrupted();
    array_.listen(nullptr, false);
    if (completed_ && action_ == SyncAction::recover) array_.spares_in_sync();
  }
  ended_ = true;
  if (observer_ != nullptr) observer_->on_resync_end(ctx.now());
}

Task<void> Resync::go_through(Sleepable& ctx) {
  members_idle();  // from here on it counts
  since_ = {jiffies(system_), 0};
  marks_.fill(since_);
  std::uint64_t last_check = 0;
  while (next_ < end_ && !failed_ && !array_.interrupted()) {
    asked_ += kStripeSectors;
    active_ += kStripeSectors;
    if (observer_ != nullptr) observer_->on_stripe_begin(next_, ctx.now());
    co_await array_.sync_request(ctx, next_);
    if (observer_ != nullptr) observer_->on_stripe_asked(next_, ctx.now());
    next_ += kStripeSectors;
    if (last_check + kWindowSectors > asked_ || next_ >= end_) continue;
    last_check = asked_;
    co_await hold_back(ctx);
  }
}

Task<void> Resync::done_sync(Atomic& ctx, std::uint64_t member_sector, bool ok) {
  active_ -= kStripeSectors;
  done_ += ok ? kStripeSectors : 0;
  failed_ = failed_ || !ok;
  if (observer_ != nullptr) observer_->on_stripe_end(member_sector, ctx.now());
  return idle_.wake_one(ctx);
}

// --- speed --------------------------------------------------------------------------------------

// The speed is that since the mark before the oldest: 30 to 33 s, once there are so many.
void Resync::move_marks() {
  const Jiffies now = jiffies(system_);
  if (now < marks_[last_mark_].when + to_jiffies(system_, kMarkStep)) return;
  const std::size_t next = (last_mark_ + 1) % kMarks;
  since_ = marks_[next];
  marks_[next] = {now, asked_ - active_};
  last_mark_ = next;
}

std::uint64_t Resync::kib_per_s() const {
  const auto hz = static_cast<std::uint64_t>(system_.scheduler.hz);
  const std::uint64_t seconds = (jiffies(system_) - since_.when) / hz + 1;
  return (asked_ - since_.sectors) / 2 / seconds + 1;
}

// is_mddev_idle(): whether others have left the members alone since the last time they had not.
bool Resync::members_idle() {
  bool idle = true;
  for (std::uint32_t i = 0; i < array_.layout().members; ++i) {
    const Raid5::Member& member = array_.member(i);
    const std::uint64_t others = member.sectors - member.sync_sectors;
    if (others - last_events_[i] <= kIdleSectors) continue;
    last_events_[i] = others;
    idle = false;
  }
  return idle;
}

// After every window: half a second at a time while it is too fast.
Task<void> Resync::hold_back(Sleepable& ctx) {
  for (;;) {
    move_marks();
    co_await ctx.cond_resched();
    const std::uint64_t speed = kib_per_s();
    if (speed <= static_cast<std::uint64_t>(params_.speed_min.bytes_per_s) / 1024) co_return;
    const bool too_fast = speed > static_cast<std::uint64_t>(params_.speed_max.bytes_per_s) / 1024;
    if (!too_fast && members_idle()) co_return;
    ++pauses_;
    co_await array_.unplug(ctx);
    const Jiffies pause = to_jiffies(system_, 500ms) + 1;
    co_await schedule_timeout(ctx, pause, "its speed limit", events::Stage::queue);
  }
}

}  // namespace iodrome::kernel
