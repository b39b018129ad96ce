// SPDX-License-Identifier: Apache-2.0
// The kernel's side of waking a queue's consumer: by which mechanism, and after how many
// completions.
#pragma once
#include "model/designs/task_chain/chain_ring.h"
#include "model/kernel/eventfd/eventfd.h"
#include "model/kernel/kthread/kthread.h"
#include "model/kernel/signal/signals.h"
#include "model/kernel/time/hrtimer.h"

namespace iodrome::designs::task_chain {

/// Who may need waking is not known but to the mechanism, so each completion asks it.
///
/// A batch is full when `batch_count` completions are untaken, or the oldest of them is `batch_ns`
/// old: an hrtimer of the CPU that saw the first one. Entries are visible meanwhile.
/// Differs: a futex is woken by a worker of the bound workqueue, since its bucket's lock is not for
/// interrupt handlers.
class Notifier {
 public:
  Notifier(ChainRing& ring, const ChainParams& params, kernel::WaitQueue& sleepers,
           kernel::FutexTable& futexes, kernel::Workqueue& workqueue,
           kernel::ProcessSignals& signals);

  /// A completion can be seen, has been put on the list or was lost. Any context, with the
  /// producers' lock or without.
  Task<void> news(kernel::Atomic& ctx) { return params_.batches() ? batch(ctx) : wake(ctx); }
  /// What is signalled with `wake_by` eventfd, else nullptr.
  const kernel::FilePtr& eventfd() const { return eventfd_; }
  /// With `wake_by` signal: who is sent SIGIO from now on, F_SETOWN's way.
  void signal_to(kernel::ThreadSignals& listener) { listener_ = &listener; }

 private:
  struct BatchTimer : kernel::HrTimer {
    explicit BatchTimer(Notifier& of) : HrTimer(&Notifier::due), owner(of) {}
    Notifier& owner;
  };
  struct FutexWake final : kernel::Work {
    explicit FutexWake(Notifier& of) : owner(of) {}
    Task<void> run(kernel::Sleepable& ctx) override;
    Notifier& owner;
    bool queued = false;
  };
  static Task<kernel::HrRestart> due(kernel::Atomic& ctx, kernel::HrTimer& self);
  Task<void> batch(kernel::Atomic& ctx);
  Task<void> wake(kernel::Atomic& ctx);
  Task<void> wake_futex(kernel::Atomic& ctx);

  ChainRing& ring_;
  const ChainParams& params_;
  kernel::WaitQueue& sleepers_;
  kernel::FutexTable& futexes_;
  kernel::Workqueue& workqueue_;
  kernel::ProcessSignals& signals_;
  kernel::ThreadSignals* listener_ = nullptr;
  kernel::FilePtr eventfd_;
  std::uint64_t losses_ = 0;  // that consumers were woken for, where completions are batched
  BatchTimer timer_{*this};
  FutexWake futex_wake_{*this};
};

}  // namespace iodrome::designs::task_chain
