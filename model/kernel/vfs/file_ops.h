// SPDX-License-Identifier: Apache-2.0
// File operations below the system calls. Each exists once, in a form that never sleeps for I/O: it
// returns EAGAIN with `wait` armed, and goes on when called again. The blocking form on top is for
// those who may sleep.
#pragma once
#include "model/kernel/os.h"
#include "model/kernel/vfs/file_table.h"
#include "model/kernel/vfs/fsnotify.h"

namespace iodrome::kernel {

/// What looking a path up costs: `path_lookup`, and with a dentry cache `path_component` for every
/// name that is known, else the inode's and the directory's blocks and a search of each. Behind it
/// the tree of names tells what the path means. Without `wait` it starts nothing.
/// Errors: EAGAIN with `wait` armed; EIO, ENOMEM; ENOSPC, a directory laid out has no blocks.
Task<Errno> try_walk(Sleepable& ctx, Os& os, const std::string& path, IoWait* wait);
Task<Errno> walk_blocking(Sleepable& ctx, Os& os, const std::string& path);
/// Makes the inode's block be in memory. Errors: EAGAIN with `wait` armed; EIO, ENOMEM.
Task<Errno> try_metadata(Sleepable& ctx, Os& os, Inode& inode, IoWait* wait);

/// Looks a path up and opens it. A cold inode is read from the device first: EAGAIN, `wait` armed.
/// Without `wait` it only looks at what is cached, and starts nothing.
/// Errors: ENOENT, ENOTDIR, EISDIR, ENAMETOOLONG, EIO, ENOMEM. Takes locks that sleep in Linux, so
/// it wants a thread.
Task<Result<FilePtr>> try_open(Sleepable& ctx, Os& os, const std::string& path, IoWait* wait);
Task<Result<FilePtr>> open_blocking(Sleepable& ctx, Os& os, const std::string& path);
/// The part behind the look-up.
Task<Result<FilePtr>> try_open_inode(Sleepable& ctx, Os& os, InodePtr inode, IoWait* wait);

/// open(2) past the look-up: gives the file a descriptor. Errors: EMFILE.
Task<Result<int>> install_file(Sleepable& ctx, FileTable& table, FilePtr file);
/// fstat(2). Returns the size in bytes. Errors: EBADF if it is not a file.
Task<Result<std::int64_t>> stat_file(Atomic& ctx, const File& file);
/// A file's last reference is about to go: who watches its inode hears of it.
inline Task<void> fsnotify_close(Atomic& ctx, const File& file) {
  return fsnotify(ctx, *file.inode, file.writable ? kInCloseWrite : kInCloseNowrite);
}
/// close(2). Errors: EBADF.
Task<Result<std::int64_t>> close_file(Sleepable& ctx, FileTable& table, int fd);
/// exit_files(): of a process that ends, every descriptor is closed, the lowest first.
Task<void> exit_files(Sleepable& ctx, FileTable& table);

/// Before a thread lets go of an inode: of an unlinked one it tells who watches it and pays for
/// giving it back, if nobody else has it open.
Task<void> last_reference(Sleepable& ctx, Inode& inode);

/// Whoever will look for the end of a direct transfer himself waits by one of these (IOCB_HIPRI).
/// DirectRead and DirectWrite tell where to look; there is no such place if the device cannot be
/// polled, and then an interrupt tells the end.
struct PolledWait : IoWait {
  explicit PolledWait(Ready when_ready) : IoWait(when_ready) {}
  PollQueue place;  // if `polls` is set
};

/// A direct read in flight: O_DIRECT, from the device into user pages, past the page cache.
class DirectRead {
 public:
  DirectRead() = default;
  DirectRead(const DirectRead&) = delete;
  DirectRead& operator=(const DirectRead&) = delete;

  /// Starts it; `wait` expects its end. Legal in any context, never sleeps. Returns the bytes it
  /// will deliver. If nothing is pending in `wait` afterwards, it has ended already, and `wait`
  /// stays silent.
  ///
  /// Shape: offset and bytes are multiples of 512; `pages` covers `bytes` in 4 KiB pages.
  /// Errors: EINVAL (alignment), EBADF, EISDIR; EAGAIN, nothing started or armed, while the cache
  /// holds what the device does not have yet: write that back first (RangeWrite). At or past the
  /// end of the file it returns 0 and starts nothing.
  Task<Result<std::int64_t>> start(Atomic& ctx, Os& os, const File& file, std::uint64_t offset,
                                   std::uint64_t bytes, std::span<const hw::PhysAddr> pages,
                                   IoWait& wait);
  /// Valid once `wait` is ready: the bytes read, or EIO.
  Result<std::int64_t> result() const;

 private:
  struct Part : Bio, Pooled {
    DirectRead* read = nullptr;
    bool hole = false;
  };
  // The device reads whole sectors; what lies past the end of the file is not reported.
  std::uint64_t transfer_bytes() const {
    return (static_cast<std::uint64_t>(bytes_) + 511) / 512 * 512;
  }
  Part* make_part(const Inode& inode, std::uint64_t at, std::span<const hw::PhysAddr> pages,
                  std::uint64_t done, std::uint64_t most);
  Task<void> submit_parts(Atomic& ctx, const Inode& inode, std::uint64_t offset,
                          std::span<const hw::PhysAddr> pages, std::uint64_t per_bio);
  Task<void> submit_all(Atomic& ctx, const Inode& inode, std::uint64_t offset,
                        std::span<const hw::PhysAddr> pages, std::uint64_t per_bio, Part* part);
  Task<void> submit(Atomic& ctx, const Inode& inode, Part& part);
  static Task<void> clear(Atomic& ctx, Part& part);
  static Task<void> end_io(Atomic& ctx, Bio& bio);
  IoWait* wait_ = nullptr;
  std::int64_t bytes_ = 0;
  Errno status_ = Errno::ok;
};

/// A buffered read's progress: page-cache pages copied to user pages.
class BufferedRead {
 public:
  BufferedRead(FilePtr file, std::uint64_t offset, std::uint64_t bytes,
               std::span<const hw::PhysAddr> pages)
      : file_(std::move(file)), pages_(pages), offset_(offset), left_(bytes) {}
  /// Returns the bytes read in all; short at the end of the file.
  /// Errors: EAGAIN with `wait` armed, EIO, EBADF, EISDIR, ENOMEM.
  Task<Result<std::int64_t>> try_run(Atomic& ctx, Os& os, IoWait& wait);

  /// For whoever copies himself: pages of the file that are there, 16 at most; none at the end of
  /// the transfer. Errors: as try_run().
  Task<Result<PageParts>> next_parts(Atomic& ctx, Os& os, IoWait& wait);
  /// Where they go to: user pages, and the byte in them.
  std::span<const hw::PhysAddr> pages() const { return pages_; }
  std::uint64_t done() const { return done_; }
  /// So many bytes of them are there.
  void copied(std::uint64_t bytes) {
    offset_ += bytes;
    left_ -= bytes;
    done_ += bytes;
  }

 private:
  FilePtr file_;
  std::span<const hw::PhysAddr> pages_;
  std::uint64_t offset_;
  std::uint64_t left_;
  std::uint64_t done_ = 0;
  PagePtr awaited_;
};

/// sendfile's progress: file pages to a socket by reference, read ahead of the sending.
class FileSend {
 public:
  FileSend(FilePtr file, FilePtr socket, std::uint64_t offset, std::uint64_t bytes)
      : file_(std::move(file)), socket_(std::move(socket)), offset_(offset), left_(bytes) {}

  /// Sends as much as goes without waiting. Returns the bytes sent in all, once done or at the end
  /// of the file. Legal up to softirq. Errors: EAGAIN with `wait` armed, EIO, EBADF, EINVAL (a
  /// directory), ENOMEM, ENOBUFS; what was sent before is sent.
  Task<Result<std::int64_t>> try_run(Atomic& ctx, Os& os, IoWait& wait);
  std::uint64_t sent() const { return sent_; }
  /// Whether the last EAGAIN was the socket's, not a page's.
  bool no_room() const { return no_room_; }

 private:
  FilePtr file_;
  FilePtr socket_;
  std::uint64_t offset_;
  std::uint64_t left_;
  std::uint64_t sent_ = 0;
  bool no_room_ = false;
  PagePtr awaited_;
};

/// sendfile(2) as a thread calls it. To a socket that does not block, as much as there is room for;
/// for pages it sleeps all the same. Errors: FileSend's; EAGAIN, there was none at all.
Task<Result<std::int64_t>> sendfile_blocking(Sleepable& ctx, Os& os, FilePtr socket, FilePtr file,
                                             std::uint64_t offset, std::uint64_t bytes);

/// splice(2), file to pipe: up to `bytes`, the pipe's free slots and the end of the file. Returns
/// bytes moved, 0 at the end of the file alone. Errors: EAGAIN with `wait` armed if nothing could
/// be moved, EIO, ENOMEM. `awaited` is the caller's to keep between two calls: it holds the page
/// waited for.
Task<Result<std::int64_t>> try_splice_in(Atomic& ctx, Os& os, File& file, Pipe& pipe,
                                         std::uint64_t offset, std::uint64_t bytes, IoWait& wait,
                                         PagePtr& awaited);
/// splice(2), pipe to socket: up to `bytes` of what the pipe holds.
/// Errors: EAGAIN with `wait` armed if nothing could be moved, ENOBUFS.
Task<Result<std::int64_t>> try_splice_out(Atomic& ctx, Pipe& pipe, Socket& socket,
                                          std::uint64_t bytes, IoWait& wait);

/// splice(2) as a thread that may sleep calls it: until `bytes` are moved, or the pipe is full, or
/// the file ends.
Task<Result<std::int64_t>> splice_in_blocking(Sleepable& ctx, Os& os, FilePtr file, Pipe& pipe,
                                              std::uint64_t offset, std::uint64_t bytes);
/// The same towards a socket: until `bytes` are moved or the pipe is empty.
Task<Result<std::int64_t>> splice_out_blocking(Sleepable& ctx, Os& os, Pipe& pipe, FilePtr socket,
                                               std::uint64_t bytes);

/// send(2) from user memory: the bytes are copied into kernel pages first.
class UserSend {
 public:
  /// `pages` holds the bytes from its byte `from` on; it stays valid until the end.
  UserSend(FilePtr socket, std::span<const hw::PhysAddr> pages, std::uint64_t bytes,
           std::uint64_t from = 0)
      : socket_(std::move(socket)), pages_(pages), from_(from), left_(bytes) {}
  /// As FileSend::try_run; ENOBUFS also without a page to copy into. A connection that breaks once
  /// something has been sent ends it there.
  Task<Result<std::int64_t>> try_run(Atomic& ctx, Os& os, IoWait& wait);
  std::int64_t sent() const { return static_cast<std::int64_t>(sent_); }

 private:
  FilePtr socket_;
  std::span<const hw::PhysAddr> pages_;
  std::uint64_t from_;
  std::uint64_t left_;
  std::uint64_t sent_ = 0;
};
/// send(2) as a thread calls it; of a file that does not block, as much as goes at once.
Task<Result<std::int64_t>> send_blocking(Sleepable& ctx, Os& os, FilePtr socket,
                                         std::span<const hw::PhysAddr> pages, std::uint64_t bytes,
                                         std::uint64_t from = 0);

}  // namespace iodrome::kernel
