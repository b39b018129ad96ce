// SPDX-License-Identifier: Apache-2.0
// The system calls on signals. Each returns the value of its Linux namesake or its errno. The
// caller has a ThreadSignals, unless it only sends.
#pragma once
#include "model/kernel/signal/signalfd.h"
#include "model/kernel/syscall.h"

namespace iodrome::kernel {

/// rt_sigaction(2). Errors: EINVAL, no such signal, or SIGKILL or SIGSTOP.
Task<Result<std::int64_t>> sys_rt_sigaction(Sleepable& user, std::int32_t number, SigAction action);

enum class SigHow : std::int32_t { block = 0, unblock = 1, set = 2 };
/// rt_sigprocmask(2). SIGKILL and SIGSTOP stay as they are. What it unblocks and waits is handled
/// before this returns. Errors: EINVAL.
Task<Result<std::int64_t>> sys_rt_sigprocmask(Sleepable& user, SigHow how, SigSet set,
                                              SigSet* old = nullptr);

/// kill(2); number 0 only looks whether there is somebody. Errors: EINVAL, ESRCH.
Task<Result<std::int64_t>> sys_kill(Sleepable& user, ProcessSignals& process, std::int32_t number);
/// tgkill(2), to one thread. Errors: EINVAL, ESRCH, EAGAIN.
Task<Result<std::int64_t>> sys_tgkill(Sleepable& user, ProcessSignals& process, ThreadSignals& to,
                                      std::int32_t number);
/// rt_sigqueueinfo(2), as sigqueue(3) calls it. Errors: EINVAL, ESRCH, EAGAIN.
Task<Result<std::int64_t>> sys_rt_sigqueueinfo(Sleepable& user, ProcessSignals& process,
                                               std::int32_t number, std::uint64_t value);

/// rt_sigtimedwait(2): the number of the signal taken, one of `wanted`, which should be blocked. A
/// negative timeout is none. Errors: EAGAIN, the time has passed; EINTR, another signal came.
Task<Result<std::int64_t>> sys_rt_sigtimedwait(Sleepable& user, SigSet wanted, SigInfo* info,
                                               Duration timeout);

/// signalfd4(2): a descriptor, or with one that is a signalfd that one, its mask changed.
///
/// Errors: EINVAL, flags, or a descriptor of something else; EBADF; EMFILE.
Task<Result<std::int64_t>> sys_signalfd4(Sleepable& user, FileTable& files, int fd, SigSet mask,
                                         std::int32_t flags);

}  // namespace iodrome::kernel
