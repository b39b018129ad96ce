// SPDX-License-Identifier: Apache-2.0
// The system calls on stream sockets of this machine's loopback network; sys_send() stands with the
// calls on files. Each returns the value of its Linux namesake or its errno.
//
// Differs from Linux: an address is a port of 127.0.0.1; close-on-exec means nothing, since nobody
// executes; signals do not end a sleep.
#pragma once
#include "model/kernel/socket/socket_file.h"
#include "model/kernel/syscall.h"

namespace iodrome::kernel {

/// socket(2) of AF_INET and SOCK_STREAM with kSockNonblock and kSockCloexec; a descriptor.
/// Errors: EINVAL, EMFILE.
Task<Result<std::int64_t>> sys_socket(Sleepable& user, Loopback& net, FileTable& files,
                                      std::int32_t flags = 0);
/// bind(2); port 0 is one of the kernel's choice. Errors: EBADF, ENOTSOCK (as all below),
/// Socket::bind()'s.
Task<Result<std::int64_t>> sys_bind(Sleepable& user, FileTable& files, int fd, Port port);
/// listen(2). Errors: Socket::listen()'s.
Task<Result<std::int64_t>> sys_listen(Sleepable& user, FileTable& files, int fd,
                                      std::int32_t backlog);
/// accept4(2); a descriptor. Sleeps for a connection, unless the socket does not block.
/// Errors: EINVAL, EAGAIN, EMFILE: then the connection is closed.
///
/// Differs from Linux: without a free descriptor the connection is lost, not left in the queue.
Task<Result<std::int64_t>> sys_accept4(Sleepable& user, FileTable& files, int fd,
                                       std::int32_t flags = 0);
/// connect(2). Sleeps for the answer, unless the socket does not block: then EINPROGRESS, and
/// EPOLLOUT tells of the end, and another connect() how it ended (EISCONN: well).
/// Errors: Socket::connect()'s and connected()'s.
Task<Result<std::int64_t>> sys_connect(Sleepable& user, FileTable& files, int fd, Port port);
/// recvfrom(2) without an address into user pages from their byte `into` on; `flags` may have
/// kMsgDontwait.
/// Errors: Socket::try_recv()'s.
Task<Result<std::int64_t>> sys_recv(Sleepable& user, FileTable& files, int fd,
                                    std::span<const hw::PhysAddr> pages, std::uint64_t bytes,
                                    std::int32_t flags = 0, std::uint64_t into = 0);
/// shutdown(2): `how` is SHUT_RD 0, SHUT_WR 1 or SHUT_RDWR 2. Errors: EINVAL; Socket::shutdown()'s.
Task<Result<std::int64_t>> sys_shutdown(Sleepable& user, FileTable& files, int fd,
                                        std::int32_t how);

}  // namespace iodrome::kernel
