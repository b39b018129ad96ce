// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/calls/signal_calls.h"

#include <algorithm>
#include <utility>

#include "model/kernel/vfs/file_ops.h"

namespace iodrome::kernel {

namespace {

using Value = Result<std::int64_t>;

bool exists(std::int32_t number) {
  return number >= 1 && number <= kSigMax;
}

ThreadSignals& own(Sleepable& ctx) {
  check(ctx.thread().signals != nullptr, "a thread without signals asks for them");
  return *ctx.thread().signals;
}

Task<Value> action_body(Sleepable& ctx, std::int32_t number, SigAction action) {
  if (!exists(number) || kSigKernelOnly.has(number)) co_return fail(Errno::einval);
  own(ctx).process().set_action(number, std::move(action));
  co_return 0;
}

Task<Value> mask_body(Sleepable& ctx, SigHow how, SigSet set, SigSet* old) {
  ThreadSignals& mine = own(ctx);
  const SigSet before = mine.blocked();
  if (how == SigHow::block)
    mine.block(before | set);
  else if (how == SigHow::unblock)
    mine.block(before & ~set);
  else if (how == SigHow::set)
    mine.block(set);
  else
    co_return fail(Errno::einval);
  if (old != nullptr) *old = before;
  co_return 0;
}

Task<Value> send_body(Sleepable& ctx, ProcessSignals& process, ThreadSignals* to, SigInfo info) {
  if (info.number == 0 || !exists(info.number)) {
    co_await ctx.spend(ctx.costs().signal_send);
    const auto& threads = process.threads();
    const bool there =
        to == nullptr ? !threads.empty() : std::ranges::find(threads, to) != threads.end();
    if (!there) co_return fail(Errno::esrch);
    if (info.number != 0) co_return fail(Errno::einval);
    co_return 0;
  }
  const Errno sent = co_await process.send(ctx, info, to);
  if (sent != Errno::ok) co_return fail(sent);
  co_return 0;
}

// Nobody wakes this queue: a signal does, or the timer.
Task<WaitOutcome> sleep_for_signal(Sleepable& ctx, SimTime deadline) {
  WaitQueue nobody("sigtimedwait");
  co_return co_await nobody.wait_for(ctx, "sigtimedwait", events::Stage::queue,
                                     {.exclusive = false,
                                      .interruptible = true,
                                      .deadline = deadline,
                                      .clock = SleepClock::high_resolution});
}

// do_sigtimedwait(): what is wanted is unblocked while the thread sleeps, so that its coming ends
// the sleep, and blocked again before it is taken, so that no handler runs.
Task<Value> timedwait_body(Sleepable& ctx, SigSet wanted, SigInfo* info, Duration timeout) {
  ThreadSignals& mine = own(ctx);
  wanted = wanted & ~kSigKernelOnly;
  co_await ctx.spend(ctx.costs().signal_take);
  std::optional<SigInfo> taken = mine.take(wanted);
  WaitOutcome ended = WaitOutcome::timed_out;
  if (!taken && timeout != Duration{0}) {
    mine.wait_for(wanted);
    ended =
        co_await sleep_for_signal(ctx, timeout < Duration{0} ? kNever : later(ctx.now(), timeout));
    mine.waited();
    taken = mine.take(wanted);
  }
  if (!taken) co_return fail(ended == WaitOutcome::timed_out ? Errno::eagain : Errno::eintr);
  if (info != nullptr) *info = *taken;
  co_return taken->number;
}

Task<Value> signalfd_body(Sleepable& ctx, FileTable& files, int fd, SigSet mask,
                          std::int32_t flags) {
  Result<FilePtr> made = make_signalfd(mask, flags);
  if (!made) co_return fail(made.error());
  if (fd == -1) {
    const Result<int> installed = co_await install_file(ctx, files, std::move(*made));
    if (!installed) co_return fail(installed.error());
    co_return *installed;
  }
  const Result<FilePtr> file = files.get(fd);
  if (!file) co_return fail(file.error());
  SignalFd* const signals = signalfd_of(**file);
  if (signals == nullptr) co_return fail(Errno::einval);
  signals->set_mask(mask & ~kSigKernelOnly);
  WaitQueue& readers = own(ctx).process().readers();
  if (!readers.empty()) co_await readers.wake_up(ctx, 1, 0);
  co_return fd;
}

}  // namespace

Task<Value> sys_rt_sigaction(Sleepable& user, std::int32_t number, SigAction action) {
  return syscall(user, Sysno::rt_sigaction, action_body(user, number, std::move(action)));
}

Task<Value> sys_rt_sigprocmask(Sleepable& user, SigHow how, SigSet set, SigSet* old) {
  return syscall(user, Sysno::rt_sigprocmask, mask_body(user, how, set, old));
}

Task<Value> sys_kill(Sleepable& user, ProcessSignals& process, std::int32_t number) {
  return syscall(user, Sysno::kill,
                 send_body(user, process, nullptr, {.number = number, .code = kSiUser}));
}

Task<Value> sys_tgkill(Sleepable& user, ProcessSignals& process, ThreadSignals& to,
                       std::int32_t number) {
  return syscall(user, Sysno::tgkill,
                 send_body(user, process, &to, {.number = number, .code = kSiTkill}));
}

Task<Value> sys_rt_sigqueueinfo(Sleepable& user, ProcessSignals& process, std::int32_t number,
                                std::uint64_t value) {
  const SigInfo info{.number = number, .code = kSiQueue, .value = value};
  return syscall(user, Sysno::rt_sigqueueinfo, send_body(user, process, nullptr, info));
}

Task<Value> sys_rt_sigtimedwait(Sleepable& user, SigSet wanted, SigInfo* info, Duration timeout) {
  return syscall(user, Sysno::rt_sigtimedwait, timedwait_body(user, wanted, info, timeout));
}

Task<Value> sys_signalfd4(Sleepable& user, FileTable& files, int fd, SigSet mask,
                          std::int32_t flags) {
  return syscall(user, Sysno::signalfd4, signalfd_body(user, files, fd, mask, flags));
}

}  // namespace iodrome::kernel
