// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/calls/write_calls.h"

#include "model/kernel/signal/signals.h"

namespace iodrome::kernel {

namespace {

using Value = Result<std::int64_t>;

bool too_large(const Value& value) {
  return !value && value.error() == Errno::efbig;
}

// EFBIG of RLIMIT_FSIZE comes with a signal, that of the file system alone.
Task<void> tell_limit(Sleepable& ctx, bool of_process) {
  const bool told = of_process && takes_signals(ctx.thread());
  return told ? send_to_self(ctx, kSigXfsz) : Task<void>::ready();
}

Task<Value> pwrite_body(Sleepable& ctx, Os& os, FileTable& files, int fd, bool direct,
                        std::uint64_t offset, std::uint64_t bytes,
                        std::span<const hw::PhysAddr> pages) {
  const Result<FilePtr> file = files.get(fd);
  if (!file) co_return fail(file.error());
  co_await fault_in_user(ctx, pages, bytes);
  const Value written = co_await pwrite_blocking(ctx, os, *file, direct, offset, bytes, pages);
  if (too_large(written)) {
    const std::uint64_t at = (*file)->append ? (*file)->inode->size_bytes : offset;
    co_await tell_limit(ctx, at >= os.files.fsize_limit);
  }
  co_return written;
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
  const Value done = co_await truncate_blocking(ctx, os, *file, size_bytes);
  if (too_large(done)) co_await tell_limit(ctx, size_bytes > os.files.fsize_limit);
  co_return done;
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
