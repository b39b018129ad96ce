// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/calls/write_calls.h"

namespace iodrome::kernel {

namespace {

using Value = Result<std::int64_t>;

Task<Value> pwrite_body(Sleepable& ctx, Os& os, FileTable& files, int fd, bool direct,
                        std::uint64_t offset, std::uint64_t bytes,
                        std::span<const hw::PhysAddr> pages) {
  const Result<FilePtr> file = files.get(fd);
  if (!file) co_return fail(file.error());
  co_await fault_in_user(ctx, pages, bytes);
  co_return co_await pwrite_blocking(ctx, os, *file, direct, offset, bytes, pages);
}

Task<Value> fsync_body(Sleepable& ctx, Os& os, FileTable& files, int fd, bool data_only) {
  const Result<FilePtr> file = files.get(fd);
  if (!file) co_return fail(file.error());
  co_return co_await fsync_blocking(ctx, os, *file, data_only);
}

Task<Value> sync_range_body(Sleepable& ctx, Os& os, FileTable& files, int fd, std::uint64_t offset,
                            std::uint64_t bytes, SyncRange what) {
  const Result<FilePtr> file = files.get(fd);
  if (!file) co_return fail(file.error());
  co_return co_await sync_range_blocking(ctx, os, *file, offset, bytes, what);
}

Task<Value> truncate_body(Sleepable& ctx, Os& os, FileTable& files, int fd,
                          std::uint64_t size_bytes) {
  const Result<FilePtr> file = files.get(fd);
  if (!file) co_return fail(file.error());
  co_return co_await truncate_blocking(ctx, os, *file, size_bytes);
}

}  // namespace

Task<Value> sys_pwrite(Sleepable& user, Os& os, FileTable& files, int fd, bool direct,
                       std::uint64_t offset, std::uint64_t bytes,
                       std::span<const hw::PhysAddr> pages) {
  return syscall(user, Sysno::pwrite64,
                 pwrite_body(user, os, files, fd, direct, offset, bytes, pages));
}

Task<Value> sys_fsync(Sleepable& user, Os& os, FileTable& files, int fd) {
  return syscall(user, Sysno::fsync, fsync_body(user, os, files, fd, false));
}

Task<Value> sys_fdatasync(Sleepable& user, Os& os, FileTable& files, int fd) {
  return syscall(user, Sysno::fdatasync, fsync_body(user, os, files, fd, true));
}

Task<Value> sys_sync_file_range(Sleepable& user, Os& os, FileTable& files, int fd,
                                std::uint64_t offset, std::uint64_t bytes, SyncRange what) {
  return syscall(user, Sysno::sync_file_range,
                 sync_range_body(user, os, files, fd, offset, bytes, what));
}

Task<Value> sys_ftruncate(Sleepable& user, Os& os, FileTable& files, int fd,
                          std::uint64_t size_bytes) {
  return syscall(user, Sysno::ftruncate, truncate_body(user, os, files, fd, size_bytes));
}

}  // namespace iodrome::kernel
