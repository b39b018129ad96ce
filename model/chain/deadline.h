// SPDX-License-Identifier: Apache-2.0
// The time of a chain is over: a high-resolution timer finds it, from where on nothing begins, and
// a kernel thread ends what waits, as task work does for Linux's linked time-outs.
#pragma once
#include "model/kernel/kthread/kthread.h"
#include "model/kernel/time/hrtimer.h"

namespace iodrome::chain {

class Walker;

class Deadline final : public kernel::HrTimer, public kernel::Work, public Pooled {
 public:
  explicit Deadline(Walker& walker) : HrTimer(&Deadline::expired), walker_(&walker) {}

  /// The chain has ended: takes the timer back. False: the thread is on its way; the deadline then
  /// belongs to it.
  Task<bool> disarm(kernel::Atomic& ctx);
  Task<void> run(kernel::Sleepable& ctx) override;

 private:
  static Task<kernel::HrRestart> expired(kernel::Atomic& ctx, kernel::HrTimer& self);

  Walker* walker_;           // none: it ended while the thread was on its way
  bool on_its_way_ = false;  // the thread
};

}  // namespace iodrome::chain
