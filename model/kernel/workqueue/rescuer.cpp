// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/workqueue/rescuer.h"

#include <fmt/format.h>

namespace iodrome::kernel::wq {

Rescuer::Rescuer(System& system, const char* queue)
    : system_(system),
      thread_(system, fmt::format("kworker/R-{}", queue), events::CpuClass::kthread, 0, *this) {
  thread_.thread().set_nice(kHighpriNice);
}

void Rescuer::call(PoolWorkqueue& share, Cpu& caller) {
  if (!share.is_linked()) calls_.push_back(share);
  if (std::exchange(parked_, false)) wake_up(system_, thread(), &caller);
}

Task<void> Rescuer::run(Sleepable& ctx) {
  for (;;) {
    while (!calls_.empty()) {
      PoolWorkqueue& share = calls_.front();
      calls_.pop_front();
      co_await rescue(ctx, share);
    }
    parked_ = true;
    co_await ctx.block("mayday", events::Stage::queue);
  }
}

// Items that max_active held back come up while it works; they need it again.
Task<void> Rescuer::rescue(Sleepable& ctx, PoolWorkqueue& share) {
  WorkerPool& pool = share.pool;
  bool any = false;
  for (auto next = pool.items_.begin(); next != pool.items_.end();) {
    Work& work = *next++;
    if (work.pwq_ != &share) continue;
    work.unlink();
    assign(work);
    any = true;
  }
  co_await process_scheduled(ctx);
  const bool again = any && share.active != 0 && pool.need_to_create_worker();
  if (again && !share.is_linked()) calls_.push_back(share);
  co_await pool.kick(ctx);
}

}  // namespace iodrome::kernel::wq
