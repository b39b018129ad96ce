// SPDX-License-Identifier: Apache-2.0
// The page cache: file pages in memory, read from their block devices on demand, dropped least
// recently used first.
//
// Differs from Linux: the read-ahead window is fixed.
#pragma once
#include <boost/intrusive/list.hpp>

#include "model/kernel/block/block.h"
#include "model/kernel/vfs/volume.h"
#include "model/kernel/vfs/writeback.h"

namespace iodrome::kernel {

/// Pages that somebody works with: what is held is not dropped.
using HeldPages = boost::container::small_vector<PagePtr, 16>;

class PageCache final : public Shrinker {
 public:
  explicit PageCache(System& system) : writeback(system, params), system_(system) {
    system.shrinkers.push_back(this);
  }
  ~PageCache() {
    std::erase(system_.shrinkers, this);
    lru_.clear();
  }
  PageCache(const PageCache&) = delete;
  PageCache& operator=(const PageCache&) = delete;

  PageCacheParams params;
  Writeback writeback;

  /// Starts reading what is missing of pages [first, first + count); the ledger of `wait` is
  /// charged for the device's time, or nobody's when reading ahead. Legal in any context, never
  /// sleeps. Puts the first page into `held`, and those behind it as far as all of them are
  /// uptodate. The first one may be still being read. Errors: EIO if the first page could not be
  /// read, ENOMEM if there is none for it; where memory runs out behind it, less is read.
  Task<Errno> read_pages(Atomic& ctx, Inode& inode, std::uint64_t first, std::uint64_t count,
                         IoWait* wait, HeldPages& held);

  /// Makes `wait` expect the end of the read of a page that is being read.
  static void await_page(Page& page, IoWait& wait);

  /// A cached page, or nullptr; it becomes the most recently used.
  Page* find(Inode& inode, std::uint64_t index);

  /// A page that its caller fills instead of the device, as if it were being read: fill_done() ends
  /// that. Nullptr without memory for it. There must be none with that index.
  Page* add_filling(Inode& inode, std::uint64_t index) { return add_page(inode, index); }
  /// The page holds what it should: whoever waited for it may look.
  static Task<void> fill_done(Atomic& ctx, Page& page);
  /// Forgets the pages from `first` through `last`; those that are not written back stay.
  void drop(Inode& inode, std::uint64_t first, std::uint64_t last);
  /// The pages from `first` on need not be written any more: the file ends before them.
  void drop_dirty(Inode& inode, std::uint64_t first);

  /// Forgets an inode that is given back: nothing of it is on its way to the device.
  void forget(Inode& inode);
  /// Drops clean pages that nobody holds, the least recently used first, at no cost.
  std::uint64_t shrink(std::uint64_t pages) override;

  std::size_t pages_cached() const { return lru_.size(); }

 private:
  struct ReadBio;
  Page* add_page(Inode& inode, std::uint64_t index);
  void remove(Inode& inode, std::uint64_t index);
  void evict();
  bool evict_oldest();
  Task<void> fill_hole(Atomic& ctx, std::span<const PagePtr> pages);
  Task<void> submit_read(Atomic& ctx, Inode& inode, std::uint64_t first, std::uint64_t count,
                         IoWait* wait);
  static Task<void> end_read(Atomic& ctx, Bio& bio);

  System& system_;
  boost::intrusive::list<Page> lru_;  // least recently used first
  std::vector<Inode*> inodes_;        // by number, for eviction
};

}  // namespace iodrome::kernel
