// SPDX-License-Identifier: Apache-2.0
// The kernel thread that writes a device's dirty pages when there are too many or when they are
// old.
#pragma once
#include "model/kernel/vfs/volume.h"
#include "model/kernel/vfs/writeback.h"

namespace iodrome::kernel {

/// Source: Linux fs/fs-writeback.c, wb_writeback(): old pages and too many of them, a share of each
/// file in turn. Differs: a share is always 1,024 pages, as until 3.1; later it follows the
/// device's speed.
class Writeback::Flusher final : public ThreadBody {
 public:
  Flusher(Writeback& owner, Volume& volume);

  /// There are too many dirty pages.
  Task<void> wake(Atomic& ctx) { return idle_.wake_one(ctx); }
  /// It is time to look for old pages. At no CPU's cost.
  void look_for_old();
  Task<void> run(Sleepable& ctx) override;

 private:
  std::list<Inode*>::iterator next();
  Task<void> write(Sleepable& ctx, Inode& inode);
  void forget_clean();

  std::list<Inode*>& inodes() { return owner_.dirty_of_[volume_.index()].inodes; }

  Writeback& owner_;
  Volume& volume_;
  bool old_wanted_ = false;
  WaitQueue idle_{"flusher"};
  RunningThread thread_;
};

}  // namespace iodrome::kernel
