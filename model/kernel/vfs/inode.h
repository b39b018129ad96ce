// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/intrusive/list.hpp>
#include <boost/intrusive_ptr.hpp>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "model/kernel/mm/page.h"
#include "model/kernel/vfs/errseq.h"
#include "model/kernel/vfs/inode_watch.h"

namespace iodrome::kernel {

class FileSystem;
class Volume;
struct Directory;

/// A block of a file system is a page's size.
inline constexpr std::uint64_t kBlock = kPage;

/// Blocks of a file that lie together on the device.
struct Extent {
  std::uint64_t first = 0;  // of the file
  std::uint64_t count = 0;
  std::uint64_t sector = 0;  // on the device
};

/// Where a block of a file lies, and how many behind it lie behind it there.
struct BlockMapping {
  bool hole = false;
  std::uint64_t sector = 0;
  std::uint64_t count = 0;  // of a hole: up to the next extent, or all there can be
};

/// Whoever changes a file's bytes or size holds it (i_rwsem for writing); others wait in a queue.
///
/// Differs: nobody spins for it, and who comes just when it is released may overtake the queue.
class InodeLock {
 public:
  /// False with `wait` armed: try again when it is ready.
  bool try_lock(IoWait& wait) {
    if (!held_) return held_ = true;
    wait.stage = events::Stage::queue;
    add_waiter(waiters_, wait);
    return false;
  }
  Task<void> unlock(Atomic& ctx) {
    check(held_, "an inode unlocked that nobody has locked");
    held_ = false;
    return notify_one(ctx, waiters_);
  }
  bool held() const { return held_; }

 private:
  bool held_ = false;
  IoWaitList waiters_;
};

/// A file or a directory: its place on the device and what of it is in memory. It lives as long as
/// it has a name, somebody who works with it, or blocks on their way to the device.
struct Inode
    : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
  Inode();
  ~Inode();
  Inode(const Inode&) = delete;
  Inode& operator=(const Inode&) = delete;

  std::uint64_t number = 0;
  std::string path;  // that it was made with, for messages: renaming changes other things
  FileSystem* files = nullptr;
  std::unique_ptr<Directory> directory;  // its names, if it is one
  Inode* parent = nullptr;               // the directory that its name stands in
  std::uint64_t entry = 0;               // where in it, in bytes
  InodeWatches watches;
  std::uint32_t links = 1;       // 0 once its name is gone
  std::uint32_t references = 0;  // open files, and calls that work with it
  std::uint32_t pins = 0;        // writes on their way to the device, and the like
  std::uint64_t size_bytes = 0;
  Volume* volume = nullptr;           // whose blocks it has
  std::uint64_t first_sector = 0;     // the extent it was laid out with, if any
  std::uint64_t first_blocks = 0;     // of that extent
  std::uint64_t metadata_sector = 0;  // the block that holds the inode
  std::vector<Extent> more;           // what was allocated since, ascending

  enum class Metadata : std::uint8_t { cold, reading, cached, failed };
  Metadata metadata = Metadata::cold;
  IoWaitList metadata_waiters;
  std::size_t failure_untold = 0;  // openers that have not heard of the failure

  std::vector<PagePtr> pages;  // by index; null where not cached
  std::uint64_t page_count() const { return (size_bytes + hw::kPageBytes - 1) / hw::kPageBytes; }

  InodeLock lock;
  std::set<std::uint64_t> dirty;      // pages changed since they were last handed to the device
  std::set<std::uint64_t> writeback;  // pages on their way to the device
  SimTime dirtied_at{};               // when `dirty` was last empty
  bool listed = false;                // among those that the flusher looks at
  bool attributes_dirty = false;      // its block on the device is older than it is
  bool size_dirty = false;            // also what one needs to read the data back
  bool attributes_writing = false;    // its block is on its way to the device
  IoWaitList attributes_waiters;      // for the end of that
  Errseq write_error;

  BlockMapping map(std::uint64_t block) const {
    if (block < first_blocks) return {false, first_sector + block * 8, first_blocks - block};
    return map_further(block);
  }
  /// Whether any of these pages are dirty or on their way to the device.
  bool unwritten(std::uint64_t first, std::uint64_t last) const {
    if (dirty.empty() && writeback.empty()) return false;
    const auto within = [=](const std::set<std::uint64_t>& pages_of) {
      const auto at = pages_of.lower_bound(first);
      return at != pages_of.end() && *at <= last;
    };
    return within(dirty) || within(writeback);
  }

 private:
  BlockMapping map_further(std::uint64_t block) const;
};

/// An inode that nothing keeps any more gives its blocks and pages back.
void put_inode(Inode& inode);

inline void intrusive_ptr_add_ref(Inode* inode) {
  ++inode->references;
}
inline void intrusive_ptr_release(Inode* inode) {
  if (--inode->references == 0 && inode->links == 0) put_inode(*inode);
}
using InodePtr = boost::intrusive_ptr<Inode>;

/// Keeps an inode for a scope without having it open.
class InodePin {
 public:
  explicit InodePin(Inode& inode) : inode_(inode) { ++inode_.pins; }
  ~InodePin() { unpin(inode_); }
  InodePin(const InodePin&) = delete;
  InodePin& operator=(const InodePin&) = delete;

  static void unpin(Inode& inode) {
    if (--inode.pins == 0 && inode.links == 0) put_inode(inode);
  }

 private:
  Inode& inode_;
};

}  // namespace iodrome::kernel
