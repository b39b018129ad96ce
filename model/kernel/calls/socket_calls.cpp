// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/calls/socket_calls.h"

#include "model/kernel/mm/first_touch.h"
#include "model/kernel/vfs/file_ops.h"

namespace iodrome::kernel {

namespace {

using Value = Result<std::int64_t>;

Value value_of(Errno error) {
  return error == Errno::ok ? Value(0) : Value(fail(error));
}

// The descriptor's file, if there is a socket behind it.
Result<FilePtr> socket_file(const FileTable& files, int fd) {
  Result<FilePtr> file = files.get(fd);
  if (file && (*file)->socket == nullptr) return fail(Errno::enotsock);
  return file;
}

// The same, of a socket that has ports.
Result<FilePtr> inet_file(const FileTable& files, int fd) {
  Result<FilePtr> file = socket_file(files, fd);
  if (file && socket_of(**file) == nullptr) return fail(Errno::eopnotsupp);
  return file;
}

Task<Value> socket_body(Sleepable& ctx, Loopback& net, FileTable& files, std::int32_t flags) {
  co_await ctx.spend(ctx.costs().socket_call);
  Result<FilePtr> file = SocketFile::make(net, net.make_socket(), flags);
  if (!file) co_return fail(file.error());
  const Result<int> fd = co_await install_file(ctx, files, std::move(*file));
  if (!fd) co_return fail(fd.error());
  co_return *fd;
}

Task<Value> bind_body(Sleepable& ctx, FileTable& files, int fd, Port port) {
  const Result<FilePtr> file = inet_file(files, fd);
  if (!file) co_return fail(file.error());
  co_await ctx.spend(ctx.costs().socket_call);
  co_return value_of((*file)->socket->bind(port));
}

Task<Value> listen_body(Sleepable& ctx, FileTable& files, int fd, std::int32_t backlog) {
  const Result<FilePtr> file = inet_file(files, fd);
  if (!file) co_return fail(file.error());
  co_await ctx.spend(ctx.costs().socket_call);
  co_return value_of((*file)->socket->listen(backlog));
}

Task<Result<SocketPtr>> accept_blocking(Sleepable& ctx, const FilePtr& file) {
  for (;;) {
    BlockingWait wait(ctx);
    Result<SocketPtr> next = file->socket->try_accept(file->nonblocking ? nullptr : &wait);
    if (next || next.error() != Errno::eagain || file->nonblocking) co_return next;
    co_await wait.wait("accept");
  }
}

Task<Value> accept_body(Sleepable& ctx, FileTable& files, int fd, std::int32_t flags) {
  const Result<FilePtr> file = inet_file(files, fd);
  if (!file) co_return fail(file.error());
  if ((flags & ~(kSockNonblock | kSockCloexec)) != 0) co_return fail(Errno::einval);
  co_await ctx.spend(ctx.costs().socket_accept);
  Result<SocketPtr> next = co_await accept_blocking(ctx, *file);
  if (!next) co_return fail(next.error());
  Result<FilePtr> made = SocketFile::make(socket_of(**file)->net(), std::move(*next), flags);
  const FilePtr accepted = *made;
  const Result<int> installed = co_await install_file(ctx, files, accepted);
  if (!installed) {
    co_await accepted->object->release(ctx);
    co_return fail(installed.error());
  }
  co_return *installed;
}

Task<Value> connect_body(Sleepable& ctx, FileTable& files, int fd, Port port) {
  const Result<FilePtr> file = inet_file(files, fd);
  if (!file) co_return fail(file.error());
  Socket& socket = *(*file)->socket;
  co_await ctx.spend(ctx.costs().socket_connect);
  const Errno begun = co_await socket.connect(ctx, port);
  if (begun != Errno::ok) co_return fail(begun);
  if ((*file)->nonblocking && socket.state() == SocketState::syn_sent)
    co_return fail(Errno::einprogress);
  for (;;) {
    BlockingWait wait(ctx);
    const Errno ended = socket.connected(&wait);
    if (ended != Errno::eagain) co_return value_of(ended);
    co_await wait.wait("connect");
  }
}

Task<Value> recv_body(Sleepable& ctx, FileTable& files, int fd, std::span<const hw::PhysAddr> pages,
                      std::uint64_t bytes, std::int32_t flags, std::uint64_t into) {
  const Result<FilePtr> file = socket_file(files, fd);
  if (!file) co_return fail(file.error());
  if ((flags & ~kMsgDontwait) != 0) co_return fail(Errno::einval);
  co_await fault_in_user(ctx, pages, into + bytes);
  co_return co_await recv_blocking(ctx, *file, pages, bytes, (flags & kMsgDontwait) != 0, into);
}

Task<Value> shutdown_body(Sleepable& ctx, FileTable& files, int fd, std::int32_t how) {
  const Result<FilePtr> file = inet_file(files, fd);
  if (!file) co_return fail(file.error());
  if (how < 0 || how > 2) co_return fail(Errno::einval);
  co_await ctx.spend(ctx.costs().socket_call);
  const Errno error = co_await (*file)->socket->shutdown(ctx, static_cast<std::uint32_t>(how) + 1);
  co_return value_of(error);
}

}  // namespace

Task<Value> sys_socket(Sleepable& user, Loopback& net, FileTable& files, std::int32_t flags) {
  return syscall(user, Sysno::socket, socket_body(user, net, files, flags));
}

Task<Value> sys_bind(Sleepable& user, FileTable& files, int fd, Port port) {
  return syscall(user, Sysno::bind, bind_body(user, files, fd, port));
}

Task<Value> sys_listen(Sleepable& user, FileTable& files, int fd, std::int32_t backlog) {
  return syscall(user, Sysno::listen, listen_body(user, files, fd, backlog));
}

Task<Value> sys_accept4(Sleepable& user, FileTable& files, int fd, std::int32_t flags) {
  return syscall(user, Sysno::accept4, accept_body(user, files, fd, flags));
}

Task<Value> sys_connect(Sleepable& user, FileTable& files, int fd, Port port) {
  return syscall(user, Sysno::connect, connect_body(user, files, fd, port));
}

Task<Value> sys_recv(Sleepable& user, FileTable& files, int fd, std::span<const hw::PhysAddr> pages,
                     std::uint64_t bytes, std::int32_t flags, std::uint64_t into) {
  return syscall(user, Sysno::recvfrom, recv_body(user, files, fd, pages, bytes, flags, into));
}

Task<Value> sys_shutdown(Sleepable& user, FileTable& files, int fd, std::int32_t how) {
  return syscall(user, Sysno::shutdown, shutdown_body(user, files, fd, how));
}

}  // namespace iodrome::kernel
