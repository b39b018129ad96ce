// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/calls/name_calls.h"

namespace iodrome::kernel {

namespace {

using Value = Result<std::int64_t>;

Task<Value> open_body(Sleepable& ctx, Os& os, FileTable& files, const std::string& path,
                      std::int32_t flags) {
  Result<FilePtr> file = co_await open_file(ctx, os, path, flags);
  if (!file) co_return fail(file.error());
  const Result<int> fd = co_await install_file(ctx, files, std::move(*file));
  if (!fd) co_return fail(fd.error());
  co_return *fd;
}

Task<Value> getdents_body(Sleepable& ctx, Os& os, FileTable& files, int fd,
                          std::span<std::byte> to) {
  const Result<FilePtr> file = files.get(fd);
  if (!file) co_return fail(file.error());
  co_return co_await get_dents(ctx, os, **file, to);
}

}  // namespace

Task<Value> sys_open(Sleepable& user, Os& os, FileTable& files, const std::string& path,
                     std::int32_t flags) {
  return syscall(user, Sysno::open, open_body(user, os, files, path, flags));
}

Task<Value> sys_unlink(Sleepable& user, Os& os, const std::string& path) {
  return syscall(user, Sysno::unlink, unlink_file(user, os, path));
}

Task<Value> sys_rename(Sleepable& user, Os& os, const std::string& from, const std::string& to) {
  return syscall(user, Sysno::rename, rename_file(user, os, from, to));
}

Task<Value> sys_mkdir(Sleepable& user, Os& os, const std::string& path) {
  return syscall(user, Sysno::mkdir, make_directory(user, os, path));
}

Task<Value> sys_rmdir(Sleepable& user, Os& os, const std::string& path) {
  return syscall(user, Sysno::rmdir, remove_directory(user, os, path));
}

Task<Value> sys_getdents64(Sleepable& user, Os& os, FileTable& files, int fd,
                           std::span<std::byte> to) {
  return syscall(user, Sysno::getdents64, getdents_body(user, os, files, fd, to));
}

}  // namespace iodrome::kernel
