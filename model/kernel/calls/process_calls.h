// SPDX-License-Identifier: Apache-2.0
// The system calls on processes, by threads of processes. Each returns the value of its Linux
// namesake or its errno.
#pragma once
#include "model/kernel/process/process.h"
#include "model/kernel/syscall.h"

namespace iodrome::kernel {

// Options of wait4(2) and waitid(2).
inline constexpr std::int32_t kWNohang = 1;
inline constexpr std::int32_t kWStopped = 2;  // WUNTRACED
inline constexpr std::int32_t kWExited = 4;
inline constexpr std::int32_t kWContinued = 8;
inline constexpr std::int32_t kWNowait = 0x0100'0000;

/// fork(2): the child's number. `child` is what the child runs; it returns there, not here.
///
/// The child has a copy of the memory, made page by page when either writes; the same open files
/// behind its own descriptors; the same dispositions and the caller's mask; no pending signals, no
/// other threads, no hooks. So what is in flight stays the parent's: chains and their queues (they
/// hold their own references to files), contexts of linux_aio (as in Linux), requests of io_uring
/// (whose descriptor Linux's child has too).
///
/// Errors: EAGAIN, ENOMEM, EINTR: Process::fork(). Differs: Linux restarts a fork that a signal
/// meets; here it is not disturbed.
Task<Result<std::int64_t>> sys_fork(Sleepable& user, UserCode child);
/// clone(2) of a thread, as pthread_create() has it: its id. Errors: as fork.
Task<Result<std::int64_t>> sys_clone_thread(Sleepable& user, UserCode code);

/// exit_group(2) and _exit(2) of a thread: they do not come back, what awaits them is destroyed.
/// Status: its low eight bits.
Task<void> sys_exit_group(Sleepable& user, std::int32_t status);
Task<void> sys_exit(Sleepable& user, std::int32_t status);

/// wait4(2) of one child, or with -1 of any: its number, and its status word; 0, with WNOHANG, if
/// none has anything to tell.
///
/// Errors: ECHILD, there is none; EINTR; EINVAL, options, or what would name a process group.
Task<Result<std::int64_t>> sys_wait4(Sleepable& user, std::int64_t pid, std::int32_t* status,
                                     std::int32_t options);
/// waitid(2) with P_PID, or with 0 P_ALL: 0. `info` has pid 0 if WNOHANG found nobody.
///
/// Errors: ECHILD, EINTR; EINVAL, options, or none that says what to wait for.
Task<Result<std::int64_t>> sys_waitid(Sleepable& user, Pid pid, SigInfo* info,
                                      std::int32_t options);

/// kill(2) of a process by its number; a zombie takes it without effect. Errors: EINVAL, ESRCH.
Task<Result<std::int64_t>> sys_kill_pid(Sleepable& user, Pid pid, std::int32_t number);

/// prlimit64(2) of the caller's own process. Errors: EINVAL, EPERM: Rlimits::set().
Task<Result<std::int64_t>> sys_prlimit(Sleepable& user, Rlimit which, const RlimitPair* to,
                                       RlimitPair* old);

}  // namespace iodrome::kernel
