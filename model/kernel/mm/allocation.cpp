// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/mm/allocation.h"

namespace iodrome::kernel {

namespace {

constexpr std::uint64_t kReclaimBatch = 32;  // SWAP_CLUSTER_MAX

std::uint64_t shrink(System& system, std::uint64_t pages) {
  std::uint64_t freed = 0;
  for (Shrinker* const each : system.shrinkers)
    if (freed < pages) freed += each->shrink(pages - freed);
  return freed;
}

}  // namespace

Task<bool> page_allocation_fails(Sleepable& ctx, const char* site) {
  System& system = ctx.system();
  while (below_watermark(system, 1, Gfp::kernel)) {
    const std::uint64_t freed = shrink(system, kReclaimBatch);
    if (freed == 0) co_return true;
    co_await ctx.spend(ctx.costs().page_reclaim, freed);
    co_await ctx.cond_resched();
  }
  co_return system.timeline.choices().choose(Choice::allocation, 2, site) != 0;
}

}  // namespace iodrome::kernel
