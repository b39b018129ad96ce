// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/calls/file_calls.h"

#include "model/kernel/mm/copy.h"
#include "model/kernel/signal/signals.h"
#include "model/kernel/vfs/fsnotify.h"
#include "model/kernel/vfs/run_blocking.h"
#include "model/kernel/vfs/write_ops.h"

namespace iodrome::kernel {

namespace {

using Value = Result<std::int64_t>;

Task<Value> openat_body(Sleepable& ctx, Os& os, FileTable& files, const std::string& path) {
  Result<FilePtr> file = co_await open_blocking(ctx, os, path);
  if (!file) co_return fail(file.error());
  const Result<int> fd = co_await install_file(ctx, files, std::move(*file));
  if (!fd) co_return fail(fd.error());
  co_return *fd;
}

Task<Value> fstat_body(Sleepable& ctx, FileTable& files, int fd) {
  const Result<FilePtr> file = files.get(fd);
  if (!file) co_return fail(file.error());
  co_return co_await stat_file(ctx, **file);
}

Task<Value> pread_body(Sleepable& ctx, Os& os, FileTable& files, int fd, bool direct,
                       std::uint64_t offset, std::uint64_t bytes,
                       std::span<const hw::PhysAddr> pages) {
  const Result<FilePtr> file = files.get(fd);
  if (!file) co_return fail(file.error());
  co_await fault_in_user(ctx, pages, bytes);
  co_return co_await pread_blocking(ctx, os, *file, direct, offset, bytes, pages);
}

Task<Value> sendfile_body(Sleepable& ctx, Os& os, FileTable& files, int out_fd, int in_fd,
                          std::uint64_t offset, std::uint64_t bytes) {
  const Result<FilePtr> socket = files.get(out_fd);
  const Result<FilePtr> file = files.get(in_fd);
  if (!socket || !file) co_return fail(Errno::ebadf);
  co_return co_await sendfile_blocking(ctx, os, *socket, *file, offset, bytes);
}

Task<Value> send_body(Sleepable& ctx, Os& os, FileTable& files, int fd,
                      std::span<const hw::PhysAddr> pages, std::uint64_t bytes,
                      std::uint64_t from) {
  const Result<FilePtr> socket = files.get(fd);
  if (!socket) co_return fail(socket.error());
  co_await fault_in_user(ctx, pages, from + bytes);
  co_return co_await send_blocking(ctx, os, *socket, pages, bytes, from);
}

Task<Value> pread_direct(Sleepable& ctx, Os& os, FilePtr file, std::uint64_t offset,
                         std::uint64_t bytes, std::span<const hw::PhysAddr> pages) {
  for (;;) {
    DirectRead read;
    BlockingWait wait(ctx);
    const Value started = co_await read.start(ctx, os, *file, offset, bytes, pages, wait);
    if (!started && started.error() == Errno::eagain) {
      co_await write_back_blocking(ctx, os, *file, offset, bytes);
      continue;
    }
    if (!started || *started == 0) co_return started;
    co_await wait.wait("direct read");
    if (read.result()) co_await fsnotify(ctx, *file->inode, kInAccess);
    co_return read.result();
  }
}

Task<Value> pread_buffered(Sleepable& ctx, Os& os, FilePtr file, std::uint64_t offset,
                           std::uint64_t bytes, std::span<const hw::PhysAddr> pages) {
  co_await ctx.spend(ctx.costs().vfs_read);
  BufferedRead read(file, offset, bytes, pages);
  const Value got = co_await run_blocking(ctx, os, read, "page");
  if (got && *got > 0) co_await fsnotify(ctx, *file->inode, kInAccess);
  co_return got;
}

// MSG_NOSIGNAL is not set.
Task<Value> with_sigpipe(Sleepable& ctx, Task<Value> body) {
  const Value sent = co_await std::move(body);
  if (!sent && sent.error() == Errno::epipe) co_await send_to_self(ctx, kSigPipe);
  co_return sent;
}

Task<Value> sending(Sleepable& ctx, Task<Value> body) {
  return takes_signals(ctx.thread()) ? with_sigpipe(ctx, std::move(body)) : std::move(body);
}

}  // namespace

Task<Value> pread_blocking(Sleepable& ctx, Os& os, FilePtr file, bool direct, std::uint64_t offset,
                           std::uint64_t bytes, std::span<const hw::PhysAddr> pages) {
  if (direct) return pread_direct(ctx, os, std::move(file), offset, bytes, pages);
  return pread_buffered(ctx, os, std::move(file), offset, bytes, pages);
}

Task<Value> sys_openat(Sleepable& user, Os& os, FileTable& files, const std::string& path) {
  return syscall(user, Sysno::openat, openat_body(user, os, files, path));
}

Task<Value> sys_fstat(Sleepable& user, FileTable& files, int fd) {
  return syscall(user, Sysno::fstat, fstat_body(user, files, fd));
}

Task<Value> sys_close(Sleepable& user, FileTable& files, int fd) {
  return syscall(user, Sysno::close, close_file(user, files, fd));
}

Task<Value> sys_pread(Sleepable& user, Os& os, FileTable& files, int fd, bool direct,
                      std::uint64_t offset, std::uint64_t bytes,
                      std::span<const hw::PhysAddr> pages) {
  return syscall(user, Sysno::pread64,
                 pread_body(user, os, files, fd, direct, offset, bytes, pages));
}

Task<Value> sys_sendfile(Sleepable& user, Os& os, FileTable& files, int out_fd, int in_fd,
                         std::uint64_t offset, std::uint64_t bytes) {
  return syscall(user, Sysno::sendfile,
                 sending(user, sendfile_body(user, os, files, out_fd, in_fd, offset, bytes)));
}

Task<Value> sys_send(Sleepable& user, Os& os, FileTable& files, int fd,
                     std::span<const hw::PhysAddr> pages, std::uint64_t bytes, std::uint64_t from) {
  return syscall(user, Sysno::sendto,
                 sending(user, send_body(user, os, files, fd, pages, bytes, from)));
}

}  // namespace iodrome::kernel
