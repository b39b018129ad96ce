// SPDX-License-Identifier: Apache-2.0
// The thread that keeps a workqueue going while no worker can be made.
#pragma once
#include "model/kernel/workqueue/workqueue.h"

namespace iodrome::kernel::wq {

/// Carries out a workqueue's items in pools that have called for help.
///
/// Differs from Linux: it runs where the scheduler puts it, and is not moved to the pool's CPU.
class Rescuer final : public Worker {
 public:
  Rescuer(System& system, const char* queue);
  Thread& thread() override { return thread_.thread(); }
  Task<void> run(Sleepable& ctx) override;
  /// The share's pool has items that nobody can take. From a timer's function on that CPU.
  void call(PoolWorkqueue& share, Cpu& caller);

 private:
  Task<void> rescue(Sleepable& ctx, PoolWorkqueue& share);

  System& system_;
  List<PoolWorkqueue> calls_;
  bool parked_ = false;  // not asleep over an item, from which nobody may wake it
  RunningThread thread_;
};

}  // namespace iodrome::kernel::wq
