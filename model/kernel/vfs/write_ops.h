// SPDX-License-Identifier: Apache-2.0
// Operations that change files and make the changes last. Like those of file_ops.h they return
// EAGAIN with `wait` armed instead of sleeping, and go on when called again.
//
// Differs from Linux: no journal, so fsync writes the file's pages and its inode's block in no
// order that a crash could show; no quota, O_SYNC or mandatory locks; an inode's
// times are not kept, only that they have changed.
#pragma once
#include <optional>

#include "model/kernel/vfs/file_ops.h"

namespace iodrome::kernel {

/// Writes the dirty pages [first, last] of a file and waits for them and for those on their way:
/// what was dirty when it began is on the device when it ends.
/// Source: Linux mm/filemap.c, filemap_write_and_wait_range().
class RangeWrite {
 public:
  RangeWrite(Inode& inode, std::uint64_t first, std::uint64_t last)
      : inode_(inode), first_(first), last_(last), cursor_(first) {}
  /// Errors: EAGAIN with `wait` armed. What the device could not write is told by the inode's
  /// write_error.
  Task<Errno> try_run(Atomic& ctx, Os& os, IoWait& wait);

 private:
  Inode& inode_;
  std::uint64_t first_;
  std::uint64_t last_;
  std::uint64_t cursor_;
  int rounds_ = 0;
  bool started_ = false;
  bool skipped_ = false;
};

/// A buffered write's progress: user pages copied to page-cache pages, which the flusher or an
/// fsync brings to the device.
class BufferedWrite {
 public:
  BufferedWrite(FilePtr file, std::uint64_t offset, std::uint64_t bytes,
                std::span<const hw::PhysAddr> pages)
      : file_(std::move(file)), pages_(pages), offset_(offset), left_(bytes) {}
  /// Returns the bytes written in all: fewer than asked if the device is full or the file as large
  /// as can be. Holds the inode's lock from its first byte to its last, also while it is held up by
  /// dirty pages. It wants a thread.
  /// Errors: EAGAIN with `wait` armed; if nothing was written: EBADF, EFBIG, ENOSPC, ENOMEM, EIO (a
  /// page that must be read first cannot be).
  Task<Result<std::int64_t>> try_run(Atomic& ctx, Os& os, IoWait& wait);
  /// Behind its last byte.
  std::uint64_t end() const { return offset_; }

 private:
  Task<Errno> begin(Atomic& ctx, Os& os, IoWait& wait);
  Task<Errno> write_pages(Atomic& ctx, Os& os, IoWait& wait);
  Task<Errno> get_page(Atomic& ctx, Os& os, std::uint32_t bytes, IoWait& wait);
  Task<void> fill(Atomic& ctx, std::uint32_t bytes);
  bool still_cached(const Inode& inode) const;

  FilePtr file_;
  std::span<const hw::PhysAddr> pages_;
  std::uint64_t offset_;
  std::uint64_t left_;
  std::uint64_t done_ = 0;
  PagePtr page_;          // the one in work
  bool filling_ = false;  // it is new: nobody sees it before it is whole
  bool called_ = false;
  bool locked_ = false;
  bool balance_ = false;  // a page was dirtied since the last look at their number
};

/// A direct write in flight: from user pages to blocks that the file has already, past the cache.
class DirectWrite {
 public:
  DirectWrite() = default;
  DirectWrite(const DirectWrite&) = delete;
  DirectWrite& operator=(const DirectWrite&) = delete;

  /// Starts it, as DirectRead::start(). Cached pages there are dropped now and at the end.
  /// Errors: EINVAL (alignment of offset, bytes or memory to 512), EBADF, EFBIG; EAGAIN, nothing
  /// started or armed, where FileWrite must do it: pages to be written back first, holes, the end
  /// of the file, O_APPEND.
  ///
  /// Differs: it takes no lock, as overwriting writes in ext4 share one.
  Task<Result<std::int64_t>> start(Atomic& ctx, Os& os, const File& file, std::uint64_t offset,
                                   std::uint64_t bytes, std::span<const hw::PhysAddr> pages,
                                   IoWait& wait);
  /// Valid once `wait` is ready: the bytes written, or EIO.
  Result<std::int64_t> result() const;

 private:
  struct Part : Bio, Pooled {
    DirectWrite* write = nullptr;
  };
  static Task<void> end_io(Atomic& ctx, Bio& bio);
  Task<void> submit(Atomic& ctx, Os& os, const Inode& inode, std::uint64_t offset,
                    std::span<const hw::PhysAddr> pages);

  IoWait* wait_ = nullptr;
  PageCache* cache_ = nullptr;
  InodePtr inode_;
  std::uint64_t offset_ = 0;
  std::int64_t bytes_ = 0;
  Errno status_ = Errno::ok;
};

/// pwrite(2) whatever it takes. A direct write that meets holes or the end of the file goes through
/// the page cache and waits for the device, as in ext2 and ext3.
class FileWrite {
 public:
  FileWrite(FilePtr file, bool direct, std::uint64_t offset, std::uint64_t bytes,
            std::span<const hw::PhysAddr> pages)
      : file_(std::move(file)), pages_(pages), offset_(offset), bytes_(bytes), direct_(direct) {}
  /// Errors: those of BufferedWrite and DirectWrite. It wants a thread, but for collecting the
  /// result of what is at the device.
  Task<Result<std::int64_t>> try_run(Atomic& ctx, Os& os, IoWait& wait);
  /// A direct write is under way: what is left to do is legal in any context.
  bool at_device() const { return at_device_.has_value(); }

 private:
  Task<Result<std::int64_t>> through_cache(Atomic& ctx, Os& os, IoWait& wait);

  FilePtr file_;
  std::span<const hw::PhysAddr> pages_;
  std::uint64_t offset_;
  std::uint64_t bytes_;
  bool direct_;
  std::optional<RangeWrite> clean_;  // what the cache holds of the range goes first
  std::optional<DirectWrite> at_device_;
  std::optional<BufferedWrite> buffered_;
  std::int64_t written_ = 0;
  std::uint64_t failures_before_ = 0;
  std::optional<RangeWrite> wait_for_it_;
};

/// fsync(2), fdatasync(2): dirty pages, the inode's block, the device's cache.
class FileSync {
 public:
  /// `data_only`: the inode's block only if the file's size has changed.
  FileSync(FilePtr file, bool data_only) : file_(std::move(file)), data_only_(data_only) {}
  /// Returns 0. Errors: EAGAIN with `wait` armed, EINVAL (no file), EIO: some write since this
  /// descriptor was opened, or last told so, has failed.
  Task<Result<std::int64_t>> try_run(Atomic& ctx, Os& os, IoWait& wait);

 private:
  struct Flush : Bio {
    Flush() {}  // Clang makes no default one before the class around it is complete
    IoWait* wait = nullptr;
  };
  Task<Errno> try_parts(Atomic& ctx, Os& os, IoWait& wait);
  Task<void> start_flush(Atomic& ctx, BlockDevice& device, IoWait& wait);
  static Task<void> end_flush(Atomic& ctx, Bio& bio);

  FilePtr file_;
  bool data_only_;
  std::optional<RangeWrite> data_;
  int attribute_rounds_ = 0;
  std::optional<Flush> flush_;
};

/// Which parts of sync_file_range(2) are wanted.
struct SyncRange {
  bool wait_before = false;
  bool write = false;
  bool wait_after = false;
};

/// A page of the file, read if need be with up to `count` pages from it on; it is uptodate and in
/// the cache. Errors: EIO, ENOMEM.
Task<Result<PagePtr>> read_page_blocking(Sleepable& ctx, Os& os, Inode& inode, std::uint64_t index,
                                         std::uint64_t count);

/// As threads that may sleep call them.
Task<Result<std::int64_t>> pwrite_blocking(Sleepable& ctx, Os& os, FilePtr file, bool direct,
                                           std::uint64_t offset, std::uint64_t bytes,
                                           std::span<const hw::PhysAddr> pages);
/// Writes back what the cache holds of the range, and waits for it.
Task<void> write_back_blocking(Sleepable& ctx, Os& os, const File& file, std::uint64_t offset,
                               std::uint64_t bytes);
Task<Result<std::int64_t>> fsync_blocking(Sleepable& ctx, Os& os, FilePtr file, bool data_only);
/// sync_file_range(2): pages alone; neither the inode nor the device's cache. 0 bytes: to the end.
/// Errors: EBADF, ESPIPE (no file), EIO.
Task<Result<std::int64_t>> sync_range_blocking(Sleepable& ctx, Os& os, FilePtr file,
                                               std::uint64_t offset, std::uint64_t bytes,
                                               SyncRange what);
/// ftruncate(2): cuts a file off, or lets it end with a hole.
/// Errors: EINVAL (no file, or not open for writing), EFBIG, EIO, ENOMEM.
Task<Result<std::int64_t>> truncate_blocking(Sleepable& ctx, Os& os, FilePtr file,
                                             std::uint64_t size_bytes);
/// The same by who has the inode's lock, which is given back. It sleeps for devices alone.
Task<Result<std::int64_t>> truncate_locked(Sleepable& ctx, Os& os, FilePtr file,
                                           std::uint64_t size_bytes);

}  // namespace iodrome::kernel
