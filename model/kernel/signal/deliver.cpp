// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/signal/deliver.h"

#include <utility>

#include "model/kernel/signal/signals.h"

namespace iodrome::kernel {

class Delivery {
 public:
  explicit Delivery(ThreadSignals& of) : mine_(of) {}

  Task<void> run(Sleepable& user) {
    SignalOwner* const owner = mine_.process().owner();
    do {
      if (owner != nullptr) co_await owner->stay_stopped(user);
      if (owner != nullptr && owner->exits()) throw ThreadEnds{};
      while (const std::optional<SigInfo> info = get_signal()) {
        SigAction does = action_;
        if (!does.handler) co_await act_by_default(user, *info);
        if (owner != nullptr && owner->exits()) throw ThreadEnds{};
        if (does.handler) co_await handle(user, *info, does);
      }
      mine_.restore_mask();
    } while (user.thread().signal_pending);
  }

 private:
  // What is to be handled, past what is ignored.
  std::optional<SigInfo> get_signal() {
    for (;;) {
      const std::optional<SigInfo> info = mine_.take(~mine_.blocked());
      if (!info) return std::nullopt;
      action_ = mine_.process().action(info->number);
      if (action_.handler) {
        if (action_.reset_hand) mine_.process().reset_handler(info->number);
        return info;
      }
      if (action_.ignored || kSigIgnoredByDefault.has(info->number)) continue;
      check(mine_.process().owner() != nullptr,
            "a signal's default action ends or stops a process that nobody owns");
      return info;
    }
  }

  Task<void> act_by_default(Sleepable& user, const SigInfo& info) {
    SignalOwner& owner = *mine_.process().owner();
    if (default_action(info.number) != DefaultAction::stop)
      co_return co_await owner.group_exit(user, info.number);
    co_await owner.group_stop(user, info.number);
    co_await owner.stay_stopped(user);
  }

  // The mask that the frame keeps is the one from before the call, if that had one of its own.
  Task<void> handle(Sleepable& user, const SigInfo& info, const SigAction& does) {
    const SigSet meanwhile_too = does.no_defer ? SigSet{} : SigSet::of(info.number);
    const SigSet before = std::exchange(mine_.saved_mask_, std::nullopt).value_or(mine_.blocked());
    mine_.block(mine_.blocked() | does.mask | meanwhile_too);
    user.turn_to(events::CpuClass::syscall);
    co_await user.spend(user.costs().signal_deliver);
    user.turn_to(events::CpuClass::user);
    if (user.thread().signal_pending) co_await deliver_signals(user);
    co_await does.handler(user, info);
    mine_.block(before);
  }

  ThreadSignals& mine_;
  SigAction action_;
};

Task<void> deliver_signals(Sleepable& user) {
  Delivery delivery(*user.thread().signals);
  co_await delivery.run(user);
}

}  // namespace iodrome::kernel
