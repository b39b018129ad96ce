// SPDX-License-Identifier: Apache-2.0
// Dirty pages and their way to the device: who starts it, who waits for it, who is held up by it.
//
// Differs from Linux: a writer above the limit sleeps until the devices have caught up, without the
// pauses that smooth it since 3.2; percentages are of the page cache's size, and who exceeds them
// wakes the flushers of all devices; their timer wakes them at no CPU's cost; pages are not stable
// while the device reads them, as for devices that compute no checksums.
#pragma once
#include <list>
#include <memory>

#include "model/engine/parameters.h"
#include "model/kernel/block/block.h"
#include "model/kernel/kthread/kthread.h"
#include "model/kernel/vfs/inode.h"

namespace iodrome::kernel {

struct PageCacheParams {
  std::int64_t capacity_bytes = 0;
  std::int64_t readahead_bytes = 0;  // one read covers at least this much of a sequential file
  std::int64_t max_bio_bytes = 0;
  // Of the capacity: above the first the flusher writes, above the second writers wait.
  Fraction dirty_background{100'000};
  Fraction dirty{200'000};
  Duration dirty_writeback = 5s;  // how often the flusher looks for old pages
  Duration dirty_expire = 30s;    // how old they are then
};

class Writeback {
 public:
  Writeback(System& system, const PageCacheParams& params);
  ~Writeback();
  Writeback(const Writeback&) = delete;
  Writeback& operator=(const Writeback&) = delete;

  /// The page was changed. It will be written sooner or later.
  void mark_dirty(Inode& inode, Page& page);
  /// So was what its block says of the file; `size`: also what is needed to read data back.
  void mark_attributes_dirty(Inode& inode, bool size);
  /// Nothing of the inode need be written any more.
  void forget(Inode& inode);
  /// A dirty page that need not be written any more.
  void forget(Inode& inode, Page& page);

  /// Holds a writer up: EAGAIN with `wait` armed while there are too many dirty pages. Above the
  /// lower limit it wakes the flusher.
  Task<Errno> try_balance(Atomic& ctx, IoWait& wait);

  /// Hands dirty pages of [first, last] to the device, at most `most`; a page that is on its way
  /// already is skipped and noted in `skipped`. Never sleeps. Returns how many.
  Task<std::uint64_t> start(Atomic& ctx, Inode& inode, std::uint64_t first, std::uint64_t last,
                            std::uint64_t most, events::StageLedger* ledger, bool& skipped);
  /// Makes `wait` expect the end of a page's writeback.
  static void await_page(Page& page, IoWait& wait);
  /// Hands the inode's block to the device, if it is dirty; EAGAIN with `wait` armed while it is on
  /// its way.
  Task<Errno> try_attributes(Atomic& ctx, Inode& inode, IoWait& wait);

  std::uint64_t pages_dirty() const { return dirty_; }
  std::uint64_t pages_written_back() const { return written_back_; }  // on their way now

 private:
  struct PageBio;
  struct InodeBio;
  class Flusher;
  std::uint64_t limit(Fraction of_capacity) const;
  bool over(Fraction of_capacity) const { return dirty_ + written_back_ > limit(of_capacity); }
  // What waits to be written to one device, and who writes it.
  struct Dirty {
    std::list<Inode*> inodes;          // oldest first
    std::unique_ptr<Flusher> flusher;  // made when there is the first dirty page
  };
  void list(Inode& inode);
  bool nothing_listed() const;
  void note_age(Inode& inode);
  Task<void> tick();
  PageBio* take_run(Inode& inode, std::uint64_t first, std::uint64_t most);
  Task<void> start_attributes(Atomic& ctx, Inode& inode, events::StageLedger* ledger);
  static Task<void> end_pages(Atomic& ctx, Bio& bio);
  static Task<void> end_inode(Atomic& ctx, Bio& bio);

  System& system_;
  const PageCacheParams& params_;
  std::uint64_t dirty_ = 0;
  std::uint64_t written_back_ = 0;
  std::vector<Dirty> dirty_of_;  // by volume
  IoWaitList throttled_;
  bool ticking_ = false;
};

}  // namespace iodrome::kernel
