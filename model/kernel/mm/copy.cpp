// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/mm/copy.h"

#include "model/engine/parameters.h"
#include "model/events/memory.h"

namespace iodrome::kernel {

namespace {
constexpr std::int64_t kCrossings = 3;  // of a cold copy
}

Duration beside_others(Atomic& ctx, Duration alone, std::int64_t bytes) {
  hw::MemoryBus* const bus = ctx.system().memory_bus;
  if (bus == nullptr) return alone;
  return bus->carry(ctx.now(), {ctx.now(), later(ctx.now(), alone)}, bytes) - ctx.now();
}

Task<void> charge_copy(Atomic& ctx, std::uint64_t bytes, CacheState source) {
  if (bytes == 0) co_return;
  const events::Stage before = ctx.stage();
  ctx.set_stage(events::Stage::copy);
  const CopyRates& rates = ctx.system().copy_rates;
  const Rate rate{source == CacheState::hot ? rates.hot_bytes_per_s : rates.cold_bytes_per_s};
  const auto count = static_cast<std::int64_t>(bytes);
  Duration time = rate.time_for(count);
  if (source == CacheState::cold) time = beside_others(ctx, time, kCrossings * count);
  co_await ctx.spend_for(ctx.costs().copy_call, time);
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
