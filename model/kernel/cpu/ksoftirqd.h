// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <fmt/format.h>

#include "model/kernel/kthread/kthread.h"
#include "model/kernel/sync/burn.h"

namespace iodrome::kernel {

/// Serves a CPU's softirqs when there are too many of them: then they compete with other threads.
///
/// Differs from Linux: made when first needed. While it serves, the CPU is in its softirq level, as
/// after a hardirq; only who may have the CPU instead between two runs differs.
class Ksoftirqd final : public ThreadBody {
 public:
  Ksoftirqd(System& system, Cpu& cpu)
      : cpu_(cpu),
        thread_(system, fmt::format("ksoftirqd/{}", cpu.index()), events::CpuClass::kthread,
                cpu.index(), *this) {
    thread_.thread().pinned = true;
  }
  Thread& thread() { return thread_.thread(); }

  Task<void> run(Sleepable& ctx) override {
    for (;;) {
      while (!cpu_.softirqs_pending()) co_await ctx.block("softirqs", events::Stage::softirq);
      cpu_.serve_softirqs();
      co_await Thawed(ctx);
      co_await ctx.cond_resched();
    }
  }

 private:
  Cpu& cpu_;
  RunningThread thread_;
};

}  // namespace iodrome::kernel
