// SPDX-License-Identifier: Apache-2.0
// The thread that makes an array's parity right, or a spare's blocks, one stripe after another.
//
// Source: Linux drivers/md/md.c, md_do_sync() and is_mddev_idle(), recalled as of 2.6.27.
// Differs: it begins when it is made, nobody restarts it; no checkpoints, no bitmap; of the
// members' other I/O it sees what comes through the array.
#pragma once
#include <array>
#include <vector>

#include "model/engine/parameters.h"
#include "model/kernel/md/raid5.h"
#include "model/kernel/md/sync_action.h"

namespace iodrome::kernel {

struct ResyncParams {
  /// Of each member. Above the first it leaves the members to others, above the second it never
  /// goes.
  Rate speed_min{};
  Rate speed_max{};
  std::uint64_t member_sectors = 0;  // how far it goes; 0: all of them
};

/// What hears of every stripe that a resync takes up and ends.
class ResyncObserver {
 public:
  virtual ~ResyncObserver() = default;
  virtual void on_stripe_begin(std::uint64_t member_sector, SimTime now) = 0;
  /// Its blocks are on their way; it may have ended already.
  virtual void on_stripe_asked(std::uint64_t, SimTime) {}
  virtual void on_stripe_end(std::uint64_t member_sector, SimTime now) = 0;
  /// In the resync's own thread, which has nothing left to do.
  virtual void on_resync_end(SimTime) {}
};

class Resync final : public ThreadBody, public SyncListener {
 public:
  Resync(System& system, Raid5& array, SyncAction action, const ResyncParams& params,
         ResyncObserver* observer = nullptr);

  Task<void> run(Sleepable& ctx) override;
  Task<void> done_sync(Atomic& ctx, std::uint64_t member_sector, bool ok) override;

  bool ended() const { return ended_; }
  /// Whether it went to its end: not if a member failed, nor if there was nothing it could do.
  bool completed() const { return completed_; }
  std::uint64_t sectors_done() const { return done_; }
  std::uint64_t pauses() const { return pauses_; }  // of half a second each
  Thread& thread() { return thread_.thread(); }

 private:
  static constexpr std::size_t kMarks = 10;  // SYNC_MARKS
  static constexpr Duration kMarkStep = 3s;  // SYNC_MARK_STEP
  static constexpr std::uint64_t kWindowSectors = 32 * hw::kPageBytes / 512;
  static constexpr std::uint64_t kIdleSectors = 4096;  // more than these and a member is not idle

  struct Mark {
    Jiffies when = 0;
    std::uint64_t sectors = 0;
  };
  bool may_run() const;
  Task<void> go_through(Sleepable& ctx);
  Task<void> hold_back(Sleepable& ctx);
  void move_marks();
  std::uint64_t kib_per_s() const;
  bool members_idle();

  System& system_;
  Raid5& array_;
  const SyncAction action_;
  const ResyncParams params_;
  ResyncObserver* const observer_;
  const std::uint64_t end_;
  std::uint64_t next_ = 0;
  std::uint64_t asked_ = 0;   // io_sectors
  std::uint64_t done_ = 0;    // of these
  std::uint64_t active_ = 0;  // recovery_active
  std::array<Mark, kMarks> marks_{};
  std::size_t last_mark_ = 0;
  Mark since_;                              // what the speed is measured from
  std::vector<std::uint64_t> last_events_;  // of each member
  bool failed_ = false;
  bool ended_ = false;
  bool completed_ = false;
  std::uint64_t pauses_ = 0;
  WaitQueue idle_{"recovery_wait"};
  RunningThread thread_;
};

}  // namespace iodrome::kernel
