// SPDX-License-Identifier: Apache-2.0
// The system calls on eventfds, timerfds and epoll instances, and on time. Each returns the value
// of its Linux namesake or its errno; ERESTARTSYS is a signal's, which would restart the call or
// end it with EINTR.
//
// Differs from Linux: user memory is always there, so never EFAULT; close-on-exec is accepted and
// means nothing, since nobody executes.
#pragma once
#include <span>

#include "model/kernel/epoll/epoll.h"
#include "model/kernel/signal/signal_set.h"
#include "model/kernel/syscall.h"
#include "model/kernel/timerfd/timerfd.h"

namespace iodrome::kernel {

/// read(2) and write(2) of objects. Errors: EBADF; EINVAL, also for files, sockets and pipes, which
/// have calls of their own.
Task<Result<std::int64_t>> sys_read(Sleepable& user, FileTable& files, int fd,
                                    std::span<std::byte> to);
Task<Result<std::int64_t>> sys_write(Sleepable& user, FileTable& files, int fd,
                                     std::span<const std::byte> from);

/// nanosleep(2). Errors: EINTR, a signal came, or it was woken by something else.
Task<Result<std::int64_t>> sys_nanosleep(Sleepable& user, Duration time);

/// struct pollfd: what to look for, and what was found.
struct PollFd {
  int fd = -1;
  PollEvents events = 0;
  PollEvents revents = 0;
};
inline constexpr PollEvents kPollNval = 0x020;
/// poll(2): how many of `fds` have something in `revents`. A negative timeout is none; a negative
/// descriptor is passed over, one that is none tells POLLNVAL, a regular file is ready.
///
/// Errors: EINVAL, more than the process may have descriptors; EINTR.
Task<Result<std::int64_t>> sys_poll(Sleepable& user, FileTable& files, std::span<PollFd> fds,
                                    Duration timeout);

/// eventfd2(2); a descriptor. Errors: EINVAL, EMFILE.
Task<Result<std::int64_t>> sys_eventfd2(Sleepable& user, FileTable& files, std::uint32_t initial,
                                        std::int32_t flags);

/// timerfd_create(2); a descriptor. Errors: EINVAL, EMFILE.
Task<Result<std::int64_t>> sys_timerfd_create(Sleepable& user, FileTable& files, std::int32_t clock,
                                              std::int32_t flags);
/// timerfd_settime(2); `old`, if given, becomes what was set. Errors: EBADF, EINVAL.
Task<Result<std::int64_t>> sys_timerfd_settime(Sleepable& user, FileTable& files, int fd,
                                               std::int32_t flags, TimerSetting setting,
                                               TimerSetting* old = nullptr);
/// timerfd_gettime(2). Errors: EBADF, EINVAL.
Task<Result<std::int64_t>> sys_timerfd_gettime(Sleepable& user, FileTable& files, int fd,
                                               TimerSetting& setting);

/// epoll_create(2), whose size must be positive and means nothing, and epoll_create1(2); a
/// descriptor. Errors: EINVAL, EMFILE.
Task<Result<std::int64_t>> sys_epoll_create(Sleepable& user, FileTable& files, std::int32_t size);
Task<Result<std::int64_t>> sys_epoll_create1(Sleepable& user, FileTable& files, std::int32_t flags);
/// epoll_ctl(2). Errors, in this order: EBADF; EPERM, the file cannot be polled; EINVAL, the first
/// descriptor is the second or no instance; then Epoll::ctl's.
Task<Result<std::int64_t>> sys_epoll_ctl(Sleepable& user, FileTable& files, int epfd, EpollOp op,
                                         int fd, EpollEvent event = {});
/// epoll_wait(2), epoll_pwait2(2) without a mask: how many of `events` were filled. A negative
/// timeout is none.
///
/// Errors: EINVAL, `max_events` is not positive or the descriptor no instance; EBADF; EINTR.
Task<Result<std::int64_t>> sys_epoll_wait(Sleepable& user, FileTable& files, int epfd,
                                          EpollEvent* events, std::int32_t max_events,
                                          Duration timeout);
/// epoll_pwait(2), epoll_pwait2(2): with another signal mask meanwhile. A signal that it lets in
/// ends the wait and is handled before the mask is what it was. The caller has a ThreadSignals.
Task<Result<std::int64_t>> sys_epoll_pwait(Sleepable& user, FileTable& files, int epfd,
                                           EpollEvent* events, std::int32_t max_events,
                                           Duration timeout, SigSet mask);

}  // namespace iodrome::kernel
