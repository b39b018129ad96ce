// SPDX-License-Identifier: Apache-2.0
// Who hears of what happens to files. Without anybody who listens it costs nothing.
//
// Differs from Linux: a file without a name tells its last directory nothing more; reads and writes
// of linux_aio, io_uring, kevent and chains tell nobody, blocking ones do; nor does the end of a
// file that a chain has opened and not closed.
#pragma once
#include "model/kernel/vfs/inode.h"

namespace iodrome::kernel {

/// What has happened; bits by inotify's numbers. Source: Linux include/uapi/linux/inotify.h.
inline constexpr std::uint32_t kInAccess = 0x1;
inline constexpr std::uint32_t kInModify = 0x2;
inline constexpr std::uint32_t kInAttrib = 0x4;
inline constexpr std::uint32_t kInCloseWrite = 0x8;
inline constexpr std::uint32_t kInCloseNowrite = 0x10;
inline constexpr std::uint32_t kInOpen = 0x20;
inline constexpr std::uint32_t kInMovedFrom = 0x40;
inline constexpr std::uint32_t kInMovedTo = 0x80;
inline constexpr std::uint32_t kInCreate = 0x100;
inline constexpr std::uint32_t kInDelete = 0x200;
inline constexpr std::uint32_t kInDeleteSelf = 0x400;
inline constexpr std::uint32_t kInMoveSelf = 0x800;
inline constexpr std::uint32_t kInIsdir = 0x40000000;  // what it happened to is a directory

/// Tells the watches of one inode.
Task<void> fsnotify_self(Atomic& ctx, Inode& inode, FsEvent event);
/// Tells those of the directory that its name stands in, and then its own.
Task<void> fsnotify_all(Atomic& ctx, Inode& inode, std::uint32_t mask);

/// Tells them that it is gone, and that they are.
Task<void> fsnotify_inoderemove(Atomic& ctx, Inode& inode);

/// fsnotify() of what was done with a file: open, read, written, closed.
inline Task<void> fsnotify(Atomic& ctx, Inode& inode, std::uint32_t mask) {
  const bool heard =
      !inode.watches.empty() || (inode.parent != nullptr && !inode.parent->watches.empty());
  return heard ? fsnotify_all(ctx, inode, mask) : Task<void>::ready();
}
/// Of what was done with a name of a directory.
inline Task<void> fsnotify_name(Atomic& ctx, Inode& directory, FsEvent event) {
  return directory.watches.empty() ? Task<void>::ready() : fsnotify_self(ctx, directory, event);
}
/// IN_ISDIR, if it is one.
inline std::uint32_t isdir(const Inode& inode) {
  return inode.directory != nullptr ? kInIsdir : 0;
}

}  // namespace iodrome::kernel
