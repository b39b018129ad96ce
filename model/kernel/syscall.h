// SPDX-License-Identifier: Apache-2.0
// Entering and leaving the kernel.
#pragma once
#include "model/engine/result.h"
#include "model/events/syscall.h"
#include "model/kernel/kthread/task_work_run.h"
#include "model/kernel/signal/deliver.h"

namespace iodrome::kernel {

/// System calls by their x86-64 numbers; those that no released kernel has are numbered from 1000.
enum class Sysno : std::uint16_t {
  read = 0,
  write = 1,
  open = 2,
  fstat = 5,
  close = 3,
  poll = 7,
  mmap = 9,
  mprotect = 10,
  munmap = 11,
  rt_sigaction = 13,
  rt_sigprocmask = 14,
  pread64 = 17,
  pwrite64 = 18,
  nanosleep = 35,
  sendfile = 40,
  socket = 41,
  connect = 42,
  sendto = 44,
  recvfrom = 45,
  shutdown = 48,
  bind = 49,
  listen = 50,
  clone = 56,
  fork = 57,
  exit = 60,
  wait4 = 61,
  kill = 62,
  fcntl = 72,
  fsync = 74,
  fdatasync = 75,
  ftruncate = 77,
  rename = 82,
  mkdir = 83,
  rmdir = 84,
  unlink = 87,
  rt_sigtimedwait = 128,
  rt_sigqueueinfo = 129,
  futex = 202,
  io_getevents = 208,
  io_submit = 209,
  epoll_create = 213,
  getdents64 = 217,
  exit_group = 231,
  epoll_wait = 232,
  epoll_ctl = 233,
  tgkill = 234,
  waitid = 247,
  inotify_add_watch = 254,
  inotify_rm_watch = 255,
  openat = 257,
  sync_file_range = 277,
  epoll_pwait = 281,
  timerfd_create = 283,
  timerfd_settime = 286,
  timerfd_gettime = 287,
  accept4 = 288,
  signalfd4 = 289,
  eventfd2 = 290,
  epoll_create1 = 291,
  inotify_init1 = 294,
  prlimit64 = 302,
  io_uring_enter = 426,
  chain_submit = 1000,
  chain_wait = 1001,
  chain_cancel = 1002,
  chain_status = 1003,
  kevent_get_events = 1010,
  kevent_wait = 1011,
  kevent_commit = 1012,
  aio_sendfile = 1013,
  aio_sendfile_path = 1014,
  async_exec = 1020,
  async_wait = 1021,
};

struct SysnoName {
  Sysno number;
  const char* name;
};
inline constexpr SysnoName kSysnoNames[] = {
    {Sysno::read, "read"},
    {Sysno::write, "write"},
    {Sysno::open, "open"},
    {Sysno::fstat, "fstat"},
    {Sysno::close, "close"},
    {Sysno::poll, "poll"},
    {Sysno::mmap, "mmap"},
    {Sysno::mprotect, "mprotect"},
    {Sysno::munmap, "munmap"},
    {Sysno::rt_sigaction, "rt_sigaction"},
    {Sysno::rt_sigprocmask, "rt_sigprocmask"},
    {Sysno::pread64, "pread64"},
    {Sysno::pwrite64, "pwrite64"},
    {Sysno::nanosleep, "nanosleep"},
    {Sysno::sendfile, "sendfile"},
    {Sysno::socket, "socket"},
    {Sysno::connect, "connect"},
    {Sysno::sendto, "sendto"},
    {Sysno::recvfrom, "recvfrom"},
    {Sysno::shutdown, "shutdown"},
    {Sysno::bind, "bind"},
    {Sysno::listen, "listen"},
    {Sysno::clone, "clone"},
    {Sysno::fork, "fork"},
    {Sysno::exit, "exit"},
    {Sysno::wait4, "wait4"},
    {Sysno::kill, "kill"},
    {Sysno::fcntl, "fcntl"},
    {Sysno::fsync, "fsync"},
    {Sysno::fdatasync, "fdatasync"},
    {Sysno::ftruncate, "ftruncate"},
    {Sysno::rename, "rename"},
    {Sysno::mkdir, "mkdir"},
    {Sysno::rmdir, "rmdir"},
    {Sysno::unlink, "unlink"},
    {Sysno::rt_sigtimedwait, "rt_sigtimedwait"},
    {Sysno::rt_sigqueueinfo, "rt_sigqueueinfo"},
    {Sysno::futex, "futex"},
    {Sysno::io_getevents, "io_getevents"},
    {Sysno::io_submit, "io_submit"},
    {Sysno::epoll_create, "epoll_create"},
    {Sysno::getdents64, "getdents64"},
    {Sysno::exit_group, "exit_group"},
    {Sysno::epoll_wait, "epoll_wait"},
    {Sysno::epoll_ctl, "epoll_ctl"},
    {Sysno::tgkill, "tgkill"},
    {Sysno::waitid, "waitid"},
    {Sysno::inotify_add_watch, "inotify_add_watch"},
    {Sysno::inotify_rm_watch, "inotify_rm_watch"},
    {Sysno::openat, "openat"},
    {Sysno::sync_file_range, "sync_file_range"},
    {Sysno::epoll_pwait, "epoll_pwait"},
    {Sysno::timerfd_create, "timerfd_create"},
    {Sysno::timerfd_settime, "timerfd_settime"},
    {Sysno::timerfd_gettime, "timerfd_gettime"},
    {Sysno::accept4, "accept4"},
    {Sysno::signalfd4, "signalfd4"},
    {Sysno::eventfd2, "eventfd2"},
    {Sysno::epoll_create1, "epoll_create1"},
    {Sysno::inotify_init1, "inotify_init1"},
    {Sysno::prlimit64, "prlimit64"},
    {Sysno::io_uring_enter, "io_uring_enter"},
    {Sysno::chain_submit, "chain_submit"},
    {Sysno::chain_wait, "chain_wait"},
    {Sysno::chain_cancel, "chain_cancel"},
    {Sysno::chain_status, "chain_status"},
    {Sysno::kevent_get_events, "kevent_get_events"},
    {Sysno::kevent_wait, "kevent_wait"},
    {Sysno::kevent_commit, "kevent_commit"},
    {Sysno::aio_sendfile, "aio_sendfile"},
    {Sysno::aio_sendfile_path, "aio_sendfile_path"},
    {Sysno::async_exec, "async_exec"},
    {Sysno::async_wait, "async_wait"},
};

/// A thread's stay in the kernel: CPU class, stage and events around a system call. The crossings
/// are awaited by the call itself: `co_await crossing.enter(); ... co_await crossing.leave();`.
class Crossing {
 public:
  Crossing(Sleepable& ctx, Sysno number)
      : ctx_(ctx), number_(static_cast<std::uint64_t>(number)), stage_(ctx.stage()) {
    check(!ctx.owes(), "a user's cost would be the kernel's");
    ctx.emit(events::SysEnter{ctx.thread().id, number_});
    ctx.turn_to(events::CpuClass::syscall);
    ctx.set_stage(events::Stage::kernel);
  }
  Spend enter() { return ctx_.spend(ctx_.costs().syscall_entry); }
  /// With the first thing that the call does.
  Spend enter(Cost& and_then) {
    return ctx_.spend(ctx_.charge(ctx_.costs().syscall_entry) + ctx_.charge(and_then));
  }
  Spend leave() { return ctx_.spend(ctx_.costs().syscall_exit); }
  /// Back in user mode, with the value of the return register.
  void end(std::int64_t value) {
    ctx_.turn_to(events::CpuClass::user);
    ctx_.set_stage(stage_);
    ctx_.emit(events::SysExit{ctx_.thread().id, number_, static_cast<std::uint64_t>(value)});
  }

 private:
  Sleepable& ctx_;
  const std::uint64_t number_;
  const events::Stage stage_;
};

/// Runs `body` as a system call of the thread; of one that is in the kernel, as a plain call. Where
/// signals can be sent to it, or task work has come, ERESTARTSYS becomes EINTR. Task work runs
/// before the kernel is left, handlers before this returns; one whose process ends meanwhile does
/// not come back from here, and does not begin the call.
template <class T>
Task<Result<T>> syscall(Sleepable& ctx, Sysno number, Task<Result<T>> body) {
  if (ctx.thread().in_kernel) co_return co_await std::move(body);
  Crossing crossing(ctx, number);
  co_await crossing.enter();
  if (ctx.thread().fatal_pending) [[unlikely]] {
    crossing.end(0);
    co_await deliver_signals(ctx);
  }
  Result<T> result = co_await std::move(body);
  const bool notified = ctx.thread().notify_signal;
  if (notified) [[unlikely]]
    co_await task_work_run(ctx);
  co_await crossing.leave();
  const bool restart = !result && result.error() == Errno::erestartsys;
  if (restart && (notified || ctx.thread().signals != nullptr)) result = fail(Errno::eintr);
  crossing.end(as_return_value(result));
  if (ctx.thread().signals != nullptr) [[unlikely]]
    co_await deliver_signals(ctx);
  co_return result;
}

}  // namespace iodrome::kernel
