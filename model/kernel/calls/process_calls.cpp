// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/calls/process_calls.h"

#include <limits>

namespace iodrome::kernel {

namespace {

using Value = Result<std::int64_t>;

constexpr std::int32_t kWaitAny = kWExited | kWStopped | kWContinued;

Task<Value> wait4_body(Sleepable& ctx, std::int64_t pid, std::int32_t* status,
                       std::int32_t options) {
  if ((options & ~(kWNohang | kWStopped | kWContinued)) != 0) co_return fail(Errno::einval);
  if (pid != -1 && pid <= 0) co_return fail(Errno::einval);
  SigInfo info;
  std::int32_t word = 0;
  if (pid > std::numeric_limits<Pid>::max()) co_return fail(Errno::echild);
  const Pid which = pid == -1 ? 0 : static_cast<Pid>(pid);
  const Value found =
      co_await current_process(ctx).wait(ctx, which, options | kWExited, info, word);
  if (found && *found != 0 && status != nullptr) *status = word;
  co_return found;
}

Task<Value> waitid_body(Sleepable& ctx, Pid pid, SigInfo* info, std::int32_t options) {
  if ((options & ~(kWaitAny | kWNohang | kWNowait)) != 0) co_return fail(Errno::einval);
  if ((options & kWaitAny) == 0) co_return fail(Errno::einval);
  SigInfo told;
  std::int32_t word = 0;
  const Value found = co_await current_process(ctx).wait(ctx, pid, options, told, word);
  if (!found) co_return found;
  if (info != nullptr) *info = told;
  co_return 0;
}

// Who is on the way out, or a zombie, takes every signal.
Task<Value> kill_body(Sleepable& ctx, Pid pid, std::int32_t number) {
  Process* const found = current_process(ctx).table().find(pid);
  if (found == nullptr) {
    co_await ctx.spend(ctx.costs().signal_send);
    co_return fail(Errno::esrch);
  }
  if (number < 0 || number > kSigMax) co_return fail(Errno::einval);
  const ProcessPtr process = found->shared_from_this();
  if (number == 0)
    co_await ctx.spend(ctx.costs().signal_send);
  else
    co_await process->signals().send(ctx, {.number = number, .code = kSiUser});
  co_return 0;
}

Task<Value> prlimit_body(Sleepable& ctx, Rlimit which, const RlimitPair* to, RlimitPair* old) {
  Process& process = current_process(ctx);
  const RlimitPair before = process.limits()[which];
  if (to != nullptr) {
    const Errno error = process.set_limit(which, *to);
    if (error != Errno::ok) co_return fail(error);
  }
  if (old != nullptr) *old = before;
  co_return 0;
}

}  // namespace

Task<Value> sys_fork(Sleepable& user, UserCode child) {
  return syscall(user, Sysno::fork, current_process(user).fork(user, std::move(child)));
}

Task<Value> sys_clone_thread(Sleepable& user, UserCode code) {
  return syscall(user, Sysno::clone, current_process(user).add_thread(user, std::move(code)));
}

Task<void> sys_exit_group(Sleepable& user, std::int32_t status) {
  Crossing crossing(user, Sysno::exit_group);
  co_await crossing.enter();
  co_await current_process(user).begin_group_exit(user, exited(status));
  throw ThreadEnds{};
}

Task<void> sys_exit(Sleepable& user, std::int32_t status) {
  Crossing crossing(user, Sysno::exit);
  co_await crossing.enter();
  current_process(user).exit_status(user, exited(status));
  throw ThreadEnds{};
}

Task<Value> sys_wait4(Sleepable& user, std::int64_t pid, std::int32_t* status,
                      std::int32_t options) {
  return syscall(user, Sysno::wait4, wait4_body(user, pid, status, options));
}

Task<Value> sys_waitid(Sleepable& user, Pid pid, SigInfo* info, std::int32_t options) {
  return syscall(user, Sysno::waitid, waitid_body(user, pid, info, options));
}

Task<Value> sys_kill_pid(Sleepable& user, Pid pid, std::int32_t number) {
  return syscall(user, Sysno::kill, kill_body(user, pid, number));
}

Task<Value> sys_prlimit(Sleepable& user, Rlimit which, const RlimitPair* to, RlimitPair* old) {
  return syscall(user, Sysno::prlimit64, prlimit_body(user, which, to, old));
}

}  // namespace iodrome::kernel
