// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/socket/socket_file.h"

namespace iodrome::kernel {

Result<FilePtr> SocketFile::make(Loopback& net, SocketPtr socket, std::int32_t flags) {
  if ((flags & ~(kSockNonblock | kSockCloexec)) != 0) return fail(Errno::einval);
  FilePtr file{new File};
  file->socket = socket.get();
  file->object = new SocketFile(net, std::move(socket));
  file->nonblocking = (flags & kSockNonblock) != 0;
  return file;
}

Task<void> SocketFile::shut(Atomic& ctx) {
  released_ = true;
  return socket_->close(ctx);
}

void SocketFile::file_ended() {
  if (!released_ && !socket_->system().timeline.draining()) net_.close_later(socket_);
}

SocketFile* socket_of(const File& file) {
  FileObject* const object = file.object.get();
  return object != nullptr && object->kind == FileObject::Kind::socket
             ? static_cast<SocketFile*>(object)
             : nullptr;
}

Task<Result<std::int64_t>> recv_blocking(Sleepable& ctx, FilePtr socket,
                                         std::span<const hw::PhysAddr> pages, std::uint64_t bytes,
                                         bool dontwait, std::uint64_t into) {
  const bool waits = !dontwait && !socket->nonblocking;
  co_await ctx.spend(ctx.costs().socket_recv);
  for (;;) {
    BlockingWait wait(ctx);
    const Result<std::uint64_t> got =
        co_await socket->socket->try_recv(ctx, pages, bytes, waits ? &wait : nullptr, into);
    if (got) co_return static_cast<std::int64_t>(*got);
    if (got.error() != Errno::eagain || !waits) co_return fail(got.error());
    co_await wait.wait("receive");
  }
}

}  // namespace iodrome::kernel
