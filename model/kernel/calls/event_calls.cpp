// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/calls/event_calls.h"

#include "model/kernel/eventfd/eventfd.h"
#include "model/kernel/signal/signals.h"
#include "model/kernel/time/sleep.h"
#include "model/kernel/vfs/file_ops.h"

namespace iodrome::kernel {

namespace {

using Value = Result<std::int64_t>;

Task<Value> read_body(Sleepable& ctx, FileTable& files, int fd, std::span<std::byte> to) {
  const Result<FilePtr> file = files.get(fd);
  if (!file || !(*file)->readable) co_return fail(Errno::ebadf);
  if ((*file)->object == nullptr) co_return fail(Errno::einval);
  co_return co_await (*file)->object->read(ctx, **file, to);
}

Task<Value> write_body(Sleepable& ctx, FileTable& files, int fd, std::span<const std::byte> from) {
  const Result<FilePtr> file = files.get(fd);
  if (!file || !(*file)->writable) co_return fail(Errno::ebadf);
  if ((*file)->object == nullptr) co_return fail(Errno::einval);
  co_return co_await (*file)->object->write(ctx, **file, from);
}

Task<Value> nanosleep_body(Sleepable& ctx, Duration time) {
  const SimTime expires = later(ctx.now(), time);
  Thread& me = ctx.thread();
  if (me.interrupted()) co_return fail(Errno::eintr);
  me.interruptible = true;
  me.woken = false;  // a wake-up from before is no news to this sleep
  const Errno ended = co_await schedule_hrtimeout(ctx, expires, "nanosleep", events::Stage::queue);
  me.interruptible = me.woken = false;
  if (ended != Errno::ok) co_return fail(ended);
  co_return 0;
}

Task<Value> install_body(Sleepable& ctx, FileTable& files, Result<FilePtr> file) {
  if (!file) co_return fail(file.error());
  const Result<int> fd = co_await install_file(ctx, files, std::move(*file));
  if (!fd) co_return fail(fd.error());
  co_return *fd;
}

Result<TimerFd*> timer_of(const Result<FilePtr>& file) {
  if (!file) return fail(file.error());
  FileObject* const object = (*file)->object.get();
  if (object == nullptr || object->kind != FileObject::Kind::timerfd) return fail(Errno::einval);
  return static_cast<TimerFd*>(object);
}

Task<Value> settime_body(Sleepable& ctx, FileTable& files, int fd, std::int32_t flags,
                         TimerSetting setting, TimerSetting* old) {
  const Result<FilePtr> file = files.get(fd);
  const Result<TimerFd*> timer = timer_of(file);
  if (!timer) co_return fail(timer.error());
  const Result<TimerSetting> before = co_await (*timer)->set(ctx, flags, setting);
  if (!before) co_return fail(before.error());
  if (old != nullptr) *old = *before;
  co_return 0;
}

Task<Value> gettime_body(Sleepable& ctx, FileTable& files, int fd, TimerSetting& setting) {
  const Result<FilePtr> file = files.get(fd);
  const Result<TimerFd*> timer = timer_of(file);
  if (!timer) co_return fail(timer.error());
  const Result<TimerSetting> now = co_await (*timer)->get(ctx);
  if (!now) co_return fail(now.error());
  setting = *now;
  co_return 0;
}

Task<Value> ctl_body(Sleepable& ctx, FileTable& files, int epfd, EpollOp op, int fd,
                     EpollEvent event) {
  const Result<FilePtr> instance = files.get(epfd);
  const Result<FilePtr> target = files.get(fd);
  if (!instance || !target) co_return fail(Errno::ebadf);
  if ((*target)->pollable() == nullptr) co_return fail(Errno::eperm);
  Epoll* const epoll = epoll_of(**instance);
  if (epoll == nullptr || *instance == *target) co_return fail(Errno::einval);
  const bool known = op == EpollOp::add || op == EpollOp::del || op == EpollOp::mod;
  if (!known) co_return fail(Errno::einval);
  co_return co_await epoll->ctl(ctx, op, **target, fd, event);
}

Task<Value> wait_body(Sleepable& ctx, FileTable& files, int epfd, EpollEvent* events,
                      std::int32_t max_events, Duration timeout) {
  if (max_events <= 0) co_return fail(Errno::einval);
  const Result<FilePtr> instance = files.get(epfd);
  if (!instance) co_return fail(instance.error());
  Epoll* const epoll = epoll_of(**instance);
  if (epoll == nullptr) co_return fail(Errno::einval);
  const SimTime deadline = timeout < Duration{0} ? kNever : later(ctx.now(), timeout);
  co_return co_await epoll->wait(ctx, {events, static_cast<std::size_t>(max_events)}, deadline);
}

// set_user_sigmask() and restore_saved_sigmask_unless().
Task<Value> pwait_body(Sleepable& ctx, FileTable& files, int epfd, EpollEvent* events,
                       std::int32_t max_events, Duration timeout, SigSet mask) {
  check(ctx.thread().signals != nullptr, "a thread without signals asks for them");
  ThreadSignals& mine = *ctx.thread().signals;
  mine.block_for_call(mask);
  const Value count = co_await wait_body(ctx, files, epfd, events, max_events, timeout);
  // After an interruption it comes back behind the handlers.
  if (count || count.error() != Errno::eintr) mine.restore_mask();
  co_return count;
}

}  // namespace

Task<Value> sys_read(Sleepable& user, FileTable& files, int fd, std::span<std::byte> to) {
  return syscall(user, Sysno::read, read_body(user, files, fd, to));
}

Task<Value> sys_write(Sleepable& user, FileTable& files, int fd, std::span<const std::byte> from) {
  return syscall(user, Sysno::write, write_body(user, files, fd, from));
}

Task<Value> sys_nanosleep(Sleepable& user, Duration time) {
  return syscall(user, Sysno::nanosleep, nanosleep_body(user, time));
}

Task<Value> sys_eventfd2(Sleepable& user, FileTable& files, std::uint32_t initial,
                         std::int32_t flags) {
  return syscall(user, Sysno::eventfd2, install_body(user, files, make_eventfd(initial, flags)));
}

Task<Value> sys_timerfd_create(Sleepable& user, FileTable& files, std::int32_t clock,
                               std::int32_t flags) {
  return syscall(user, Sysno::timerfd_create,
                 install_body(user, files, make_timerfd(clock, flags)));
}

Task<Value> sys_timerfd_settime(Sleepable& user, FileTable& files, int fd, std::int32_t flags,
                                TimerSetting setting, TimerSetting* old) {
  return syscall(user, Sysno::timerfd_settime, settime_body(user, files, fd, flags, setting, old));
}

Task<Value> sys_timerfd_gettime(Sleepable& user, FileTable& files, int fd, TimerSetting& setting) {
  return syscall(user, Sysno::timerfd_gettime, gettime_body(user, files, fd, setting));
}

Task<Value> sys_epoll_create(Sleepable& user, FileTable& files, std::int32_t size) {
  Result<FilePtr> made = size > 0 ? Epoll::make(0) : Result<FilePtr>(fail(Errno::einval));
  return syscall(user, Sysno::epoll_create, install_body(user, files, std::move(made)));
}

Task<Value> sys_epoll_create1(Sleepable& user, FileTable& files, std::int32_t flags) {
  return syscall(user, Sysno::epoll_create1, install_body(user, files, Epoll::make(flags)));
}

Task<Value> sys_epoll_ctl(Sleepable& user, FileTable& files, int epfd, EpollOp op, int fd,
                          EpollEvent event) {
  return syscall(user, Sysno::epoll_ctl, ctl_body(user, files, epfd, op, fd, event));
}

Task<Value> sys_epoll_wait(Sleepable& user, FileTable& files, int epfd, EpollEvent* events,
                           std::int32_t max_events, Duration timeout) {
  return syscall(user, Sysno::epoll_wait,
                 wait_body(user, files, epfd, events, max_events, timeout));
}

Task<Value> sys_epoll_pwait(Sleepable& user, FileTable& files, int epfd, EpollEvent* events,
                            std::int32_t max_events, Duration timeout, SigSet mask) {
  return syscall(user, Sysno::epoll_pwait,
                 pwait_body(user, files, epfd, events, max_events, timeout, mask));
}

}  // namespace iodrome::kernel
