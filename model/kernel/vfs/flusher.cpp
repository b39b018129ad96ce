// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/vfs/flusher.h"

#include <algorithm>

namespace iodrome::kernel {

namespace {
constexpr std::uint64_t kShare = 1024;  // pages of a file before the next has its turn
}  // namespace

Writeback::Flusher::Flusher(Writeback& owner, Volume& volume)
    : owner_(owner),
      volume_(volume),
      thread_(owner.system_, "flush", events::CpuClass::kthread, 0, *this) {}

void Writeback::Flusher::look_for_old() {
  forget_clean();
  old_wanted_ = true;
  idle_.wake_from_outside(owner_.system_);
}

// What an fsync has written is no longer the flusher's.
void Writeback::Flusher::forget_clean() {
  std::erase_if(inodes(), [](Inode* inode) {
    const bool clean = inode->dirty.empty() && !inode->attributes_dirty;
    if (clean) inode->listed = false;
    return clean;
  });
}

// The file to write next, if any: the first one while there are too many pages, else an old one.
std::list<Inode*>::iterator Writeback::Flusher::next() {
  std::list<Inode*>& all = inodes();
  if (owner_.dirty_ > owner_.limit(owner_.params_.dirty_background)) {
    const auto dirty =
        std::ranges::find_if(all, [](const Inode* inode) { return !inode->dirty.empty(); });
    if (dirty != all.end()) return dirty;  // the pages may be those of another device
  }
  if (!old_wanted_) return all.end();
  const SimTime old = owner_.system_.timeline.now() - owner_.params_.dirty_expire;
  return std::ranges::find_if(all, [old](const Inode* inode) {
    return inode->dirtied_at <= old && (!inode->dirty.empty() || inode->attributes_dirty);
  });
}

Task<void> Writeback::Flusher::run(Sleepable& ctx) {
  for (;;) {
    const auto place = next();
    if (place == inodes().end()) {
      old_wanted_ = false;
      // Pages that were forgotten instead of written tell nobody.
      if (!owner_.over(owner_.params_.dirty)) co_await notify_all(ctx, owner_.throttled_);
      co_await idle_.wait(ctx, "dirty pages", events::Stage::queue);
      continue;
    }
    Inode& inode = **place;
    const InodePin pin(inode);  // not a reference: nobody has it open for this
    inodes().splice(inodes().end(), inodes(), place);
    co_await write(ctx, inode);
  }
}

Task<void> Writeback::Flusher::write(Sleepable& ctx, Inode& inode) {
  bool skipped = false;
  const std::uint64_t started =
      co_await owner_.start(ctx, inode, 0, kLastPage, kShare, nullptr, skipped);
  if (inode.dirty.empty() && inode.attributes_dirty && !inode.attributes_writing)
    co_await owner_.start_attributes(ctx, inode, nullptr);
  // Do not bury the device, and do not spin over what only the device can bring on.
  if (!volume_.device().congested() && started != 0) co_return;
  BlockingWait wait(ctx);
  if (!inode.writeback.empty())
    Writeback::await_page(*inode.pages[*inode.writeback.rbegin()], wait);
  else if (inode.attributes_writing)
    add_waiter(inode.attributes_waiters, wait);
  co_await wait.wait("writeback");
}

}  // namespace iodrome::kernel
