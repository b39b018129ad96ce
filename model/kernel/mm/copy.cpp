// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/mm/copy.h"

#include "model/engine/parameters.h"
#include "model/events/memory.h"

namespace iodrome::kernel {

Task<void> charge_copy(Atomic& ctx, std::uint64_t bytes, CacheState source) {
  if (bytes == 0) co_return;
  const events::Stage before = ctx.stage();
  ctx.set_stage(events::Stage::copy);
  const CopyRates& rates = ctx.system().copy_rates;
  const Rate rate{source == CacheState::hot ? rates.hot_bytes_per_s : rates.cold_bytes_per_s};
  co_await ctx.spend_for(ctx.costs().copy_call, rate.time_for(static_cast<std::int64_t>(bytes)));
  ctx.emit(events::CpuCopy{ctx.cpu().index(), bytes});
  ctx.set_stage(before);
}

Task<void> copy_bytes(Atomic& ctx, hw::PhysAddr to, hw::PhysAddr from, std::uint32_t bytes,
                      CacheState source) {
  co_await charge_copy(ctx, bytes, source);
  if (!ctx.system().payload_checked) co_return;
  hw::Memory& memory = ctx.system().memory;
  const std::span<std::byte> target = memory.bytes(to, bytes);
  check(memory.access(hw::Command::read, from, target) == hw::Response::ok,
        "copying from outside memory");
}

}  // namespace iodrome::kernel
