// SPDX-License-Identifier: Apache-2.0
// Sockets behind descriptors: what socket() and accept() make.
#pragma once
#include "model/kernel/socket/loopback.h"
#include "model/kernel/vfs/file_table.h"

namespace iodrome::kernel {

inline constexpr std::int32_t kSockNonblock = 0x800;
inline constexpr std::int32_t kSockCloexec = 0x80000;
inline constexpr std::int32_t kMsgDontwait = 0x40;

/// Holds a socket for its file, and closes it with that.
///
/// Differs from Linux: a file that ends elsewhere than in close() has its socket closed by a
/// tasklet, where fput() would use the task's own work or a workqueue.
class SocketFile final : public FileObject {
 public:
  SocketFile(Loopback& net, SocketPtr socket)
      : FileObject(Kind::socket), net_(net), socket_(std::move(socket)) {}
  /// A file over the socket. Errors: EINVAL, flags that do not exist.
  static Result<FilePtr> make(Loopback& net, SocketPtr socket, std::int32_t flags);

  Task<PollEvents> poll(Sleepable& ctx, const File& file, PollTable* table) override {
    return socket_->poll(ctx, file, table);
  }
  Task<void> release(Sleepable& ctx) override { return shut(ctx); }
  /// The same for who closes it elsewhere than in close(2); legal up to softirq.
  Task<void> shut(Atomic& ctx);
  void file_ended() override;

  Loopback& net() { return net_; }
  const SocketPtr& socket() const { return socket_; }

 private:
  Loopback& net_;
  const SocketPtr socket_;
  bool released_ = false;
};

/// A socket that is a file's own; nullptr of others.
SocketFile* socket_of(const File& file);

/// recv(2) into user pages as a thread calls it: sleeps until something has come or the stream has
/// ended, unless the file or this call does not block. Errors: Socket::try_recv()'s.
Task<Result<std::int64_t>> recv_blocking(Sleepable& ctx, FilePtr socket,
                                         std::span<const hw::PhysAddr> pages, std::uint64_t bytes,
                                         bool dontwait = false, std::uint64_t into = 0);

}  // namespace iodrome::kernel
