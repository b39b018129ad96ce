// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/signal/deliver.h"

#include "model/kernel/signal/signals.h"

namespace iodrome::kernel {

namespace {

// get_signal(): what is to be handled, past what is ignored.
std::optional<SigInfo> get_signal(ThreadSignals& mine, SigAction& action) {
  for (;;) {
    const std::optional<SigInfo> info = mine.take(~mine.blocked());
    if (!info) return std::nullopt;
    action = mine.process().action(info->number);
    if (action.handler) return info;
    const bool nothing = action.ignored || kSigIgnoredByDefault.has(info->number);
    check(nothing, "a signal's default action ends or stops a process, which is not modelled");
  }
}

Task<void> handle(Sleepable& user, ThreadSignals& mine, const SigInfo& info, SigAction& action) {
  user.turn_to(events::CpuClass::syscall);
  co_await user.spend(user.costs().signal_deliver);
  user.turn_to(events::CpuClass::user);
  if (action.reset_hand) mine.process().set_action(info.number, {});
  const SigSet before = mine.saved_mask.value_or(mine.blocked());
  mine.saved_mask.reset();
  SigSet meanwhile = mine.blocked() | action.mask;
  if (!action.no_defer) meanwhile.add(info.number);
  mine.block(meanwhile);
  if (user.thread().signal_pending) co_await deliver_signals(user);
  co_await action.handler(user, info);
  mine.block(before);
}

}  // namespace

Task<void> deliver_signals(Sleepable& user) {
  ThreadSignals& mine = *user.thread().signals;
  SigAction action;
  for (;;) {
    const std::optional<SigInfo> info = get_signal(mine, action);
    if (!info) break;
    co_await handle(user, mine, *info, action);
  }
  if (mine.saved_mask) mine.block(*std::exchange(mine.saved_mask, std::nullopt));
}

}  // namespace iodrome::kernel
