// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/mm/first_touch.h"

#include "model/events/memory.h"
#include "model/kernel/cpu/context.h"

namespace iodrome::kernel {

namespace {

Task<void> fault_in(Sleepable& ctx, std::span<const hw::PhysAddr> pages) {
  for (const hw::PhysAddr page : pages) {
    if (!ctx.system().first_touch.touch(page)) continue;
    ctx.emit(events::PageFaultUser{ctx.thread().id, page, 0});
    co_await ctx.spend(ctx.costs().page_fault_minor);
  }
}

}  // namespace

Task<void> fault_in_user(Sleepable& ctx, std::span<const hw::PhysAddr> pages, std::uint64_t bytes) {
  if (!ctx.system().first_touch.on_demand) return Task<void>::ready();
  const std::uint64_t used = (bytes + hw::kPageBytes - 1) / hw::kPageBytes;
  return fault_in(ctx, pages.first(std::min<std::size_t>(used, pages.size())));
}

}  // namespace iodrome::kernel
