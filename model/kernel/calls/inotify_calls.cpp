// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/calls/inotify_calls.h"

#include "model/kernel/vfs/file_ops.h"

namespace iodrome::kernel {

namespace {

using Value = Result<std::int64_t>;

// ALL_INOTIFY_BITS.
constexpr std::uint32_t kUnmount = 0x2000;
constexpr std::uint32_t kBits = kInAllEvents | kUnmount | kInQOverflow | kInIgnored | kInOnlydir |
                                kInDontFollow | kInExclUnlink | kInMaskAdd | kInMaskCreate |
                                kInIsdir | kInOneshot;

Task<Value> init_body(Sleepable& ctx, FileTable& files, std::int32_t flags) {
  Result<FilePtr> file = Inotify::make(ctx.system(), flags);
  if (!file) co_return fail(file.error());
  const Result<int> fd = co_await install_file(ctx, files, std::move(*file));
  if (!fd) co_return fail(fd.error());
  co_return *fd;
}

Task<Value> add_body(Sleepable& ctx, Os& os, FileTable& files, int fd, const std::string& path,
                     std::uint32_t mask) {
  if ((mask & ~kBits) != 0 || (mask & kBits) == 0) co_return fail(Errno::einval);
  const Result<FilePtr> file = files.get(fd);
  if (!file) co_return fail(file.error());
  const bool both = (mask & kInMaskAdd) != 0 && (mask & kInMaskCreate) != 0;
  Inotify* const inotify = inotify_of(**file);
  if (both || inotify == nullptr) co_return fail(Errno::einval);
  const Errno walked = co_await walk_blocking(ctx, os, path);
  if (walked != Errno::ok) co_return fail(walked);
  const Result<Inode*> found = os.files.find(path);
  if (!found) co_return fail(found.error());
  const InodePtr inode(*found);
  if ((mask & kInOnlydir) != 0 && inode->directory == nullptr) co_return fail(Errno::enotdir);
  co_return co_await inotify->add_watch(ctx, *inode, mask);
}

Task<Value> rm_body(Sleepable& ctx, FileTable& files, int fd, std::int32_t wd) {
  const Result<FilePtr> file = files.get(fd);
  if (!file) co_return fail(file.error());
  Inotify* const inotify = inotify_of(**file);
  if (inotify == nullptr) co_return fail(Errno::einval);
  co_return co_await inotify->remove_watch(ctx, wd);
}

}  // namespace

Task<Value> sys_inotify_init1(Sleepable& user, FileTable& files, std::int32_t flags) {
  return syscall(user, Sysno::inotify_init1, init_body(user, files, flags));
}

Task<Value> sys_inotify_add_watch(Sleepable& user, Os& os, FileTable& files, int fd,
                                  const std::string& path, std::uint32_t mask) {
  return syscall(user, Sysno::inotify_add_watch, add_body(user, os, files, fd, path, mask));
}

Task<Value> sys_inotify_rm_watch(Sleepable& user, FileTable& files, int fd, std::int32_t wd) {
  return syscall(user, Sysno::inotify_rm_watch, rm_body(user, files, fd, wd));
}

}  // namespace iodrome::kernel
