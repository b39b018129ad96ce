// SPDX-License-Identifier: Apache-2.0
// Operations on names. All of them may sleep: for a directory's lock, and for its blocks.
//
// A name is changed in memory when its block is there and marked dirty, all at once: whoever looks
// meanwhile sees it before or after. The flusher or an fsync of the directory brings it to the
// device.
//
// Differs from Linux: no permissions, sticky bits or symbolic links; no journal, so a crash could
// leave half a renaming; directory operations are not held up by dirty pages.
#pragma once
#include "model/kernel/vfs/file_ops.h"

namespace iodrome::kernel {

/// Flags of open(2), by Linux's numbers.
inline constexpr std::int32_t kOpenWriteOnly = 1;
inline constexpr std::int32_t kOpenReadWrite = 2;
inline constexpr std::int32_t kOpenCreate = 0x40;
inline constexpr std::int32_t kOpenExclusive = 0x80;
inline constexpr std::int32_t kOpenTruncate = 0x200;
inline constexpr std::int32_t kOpenAppend = 0x400;
inline constexpr std::int32_t kOpenDirectory = 0x10000;

/// open(2) up to the descriptor. `made`, if given, hears whether the file is new.
///
/// Errors: EINVAL, flags that do not exist, or O_CREAT with O_DIRECTORY; ENOENT, ENOTDIR,
/// ENAMETOOLONG; EEXIST, O_EXCL; EISDIR, a directory to be written or created; ENOSPC, EIO, ENOMEM.
Task<Result<FilePtr>> open_file(Sleepable& ctx, Os& os, const std::string& path, std::int32_t flags,
                                bool* made = nullptr);

/// unlink(2): the name goes at once, the file with the last of those that have it open and its
/// writes on their way. What is dirty then is never written.
///
/// Errors: ENOENT, ENOTDIR, ENAMETOOLONG, EISDIR; ENOSPC, the directory was laid out without blocks
/// and there are none; EIO, ENOMEM.
Task<Result<std::int64_t>> unlink_file(Sleepable& ctx, Os& os, const std::string& path);
/// mkdir(2). Errors: as unlink_file(); EEXIST, ENOSPC.
Task<Result<std::int64_t>> make_directory(Sleepable& ctx, Os& os, const std::string& path);
/// rmdir(2). Errors: as unlink_file(); ENOTDIR; ENOTEMPTY, also for '..'; EINVAL, '.'; EBUSY, the
/// root.
Task<Result<std::int64_t>> remove_directory(Sleepable& ctx, Os& os, const std::string& path);
/// rename(2): what had the new name before is unlinked in the same moment.
///
/// Errors: as unlink_file(); EXDEV, directories of two volumes; EBUSY, '.', '..' or the root;
/// EINVAL, into its own subtree; ENOTDIR, EISDIR, a directory over a file or the other way round;
/// ENOTEMPTY, over a directory that has names.
Task<Result<std::int64_t>> rename_file(Sleepable& ctx, Os& os, const std::string& from,
                                       const std::string& to);

/// getdents64(2): names from where the last call ended, as struct linux_dirent64; the bytes that
/// `to` has got, 0 at the end.
///
/// Order: '.', '..', then by place in the directory. A name that is there all the time is told once
/// and only once, whatever comes and goes around it.
/// Errors: ENOTDIR; EINVAL, not even one fits; ENOENT, the directory is gone; ENOSPC; EIO,
/// ENOMEM.
Task<Result<std::int64_t>> get_dents(Sleepable& ctx, Os& os, File& file, std::span<std::byte> to);

/// One record of getdents64(2).
struct Dirent {
  std::uint64_t inode = 0;
  std::uint64_t next = 0;  // where the following one stands
  bool directory = false;
  std::string_view name;
};
/// Takes the first record off what getdents64(2) has given.
Dirent take_dirent(std::span<const std::byte>& from);

/// A directory's block that is to be changed: in memory, with a block of the device behind it,
/// which is allocated if `place` lies behind the last one. The caller has its lock for writing.
/// Errors: ENOSPC, EIO, ENOMEM.
Task<Result<PagePtr>> directory_block(Sleepable& ctx, Os& os, Inode& directory,
                                      std::uint64_t place);
/// A name in that block has been changed.
void directory_changed(Os& os, Inode& directory, Page& block);

}  // namespace iodrome::kernel
