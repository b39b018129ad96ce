// SPDX-License-Identifier: Apache-2.0
// The operations; how they are chained stands in submit.cpp.
#include "model/kernel/async_tx/async_tx.h"

#include <algorithm>

#include "model/kernel/mm/copy.h"

namespace iodrome::kernel {

DmaChannel* AsyncTx::channel_for(Atomic& ctx, DmaOp op, const AsyncSubmit& submit) {
  check(ctx.level() != Level::hardirq, "async_tx in a hardirq");
  return choice_.find(op, ctx.cpu().index(), submit.depend_tx);
}

Task<DmaDescriptor*> AsyncTx::memcpy(Atomic& ctx, hw::PhysAddr to, hw::PhysAddr from,
                                     std::uint32_t bytes, AsyncSubmit submit) {
  DmaChannel* const channel = channel_for(ctx, DmaOp::memcpy, submit);
  DmaDescriptor* tx = nullptr;
  if (channel != nullptr) tx = co_await channel->prep_memcpy(ctx, to, from, bytes);
  co_return co_await do_one(ctx, tx, {DmaOp::memcpy, to, 0, {&from, 1}, bytes}, submit);
}

Task<DmaDescriptor*> AsyncTx::memset(Atomic& ctx, hw::PhysAddr to, std::uint8_t value,
                                     std::uint32_t bytes, AsyncSubmit submit) {
  DmaChannel* const channel = channel_for(ctx, DmaOp::memset, submit);
  DmaDescriptor* tx = nullptr;
  if (channel != nullptr) tx = co_await channel->prep_memset(ctx, to, value, bytes);
  co_return co_await do_one(ctx, tx, {DmaOp::memset, to, 0, {}, bytes, value}, submit);
}

// do_async_xor(): every piece but the first goes on from what the destination has.
Task<DmaDescriptor*> AsyncTx::exclusive_or(Atomic& ctx, hw::PhysAddr to,
                                           std::span<const hw::PhysAddr> sources,
                                           std::uint32_t bytes, AsyncSubmit submit) {
  const bool one = ((submit.flags & kXorZeroDst) != 0) != ((submit.flags & kXorDropDst) != 0);
  check(one && !sources.empty(), "an exclusive or that does not say what its destination is");
  check((submit.flags & kXorDropDst) == 0 || sources[0] == to,
        "an exclusive or whose destination is not its first source");
  std::vector<hw::PhysAddr> left(sources.begin(), sources.end());
  for (;;) {
    DmaChannel* const channel = channel_for(ctx, DmaOp::exclusive_or, submit);
    DmaDescriptor* tx = nullptr;
    std::size_t count = 0;
    if (channel != nullptr) {
      count = std::min<std::size_t>(left.size(), channel->limits().max_sources);
      if (count >= 2 || count == left.size())
        tx = co_await channel->prep_xor(ctx, to, {left.data(), count}, bytes);
    }
    if (tx == nullptr) {
      // Clearing the destination is a pass of its own on a CPU.
      if ((submit.flags & kXorZeroDst) != 0)
        co_await ctx.spend_for(
            ctx.costs().copy_call,
            beside_others(ctx, rates_.memset.time_for(bytes), 2 * std::int64_t{bytes}));
      const CpuOperation sum{DmaOp::exclusive_or, to, 0, left, bytes};
      co_await synchronous(ctx, sum, submit, nullptr);
      co_return nullptr;
    }
    if (count == left.size()) {
      tx = co_await offload(ctx, *tx, submit);
      co_return tx;
    }
    DmaDescriptor* const piece = co_await offload(ctx, *tx, {0, submit.depend_tx});
    submit.depend_tx = piece;
    submit.flags = (submit.flags & ~kXorZeroDst) | kXorDropDst;
    left.erase(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(count));
    left.insert(left.begin(), to);
  }
}

Task<DmaDescriptor*> AsyncTx::xor_val(Atomic& ctx, std::span<const hw::PhysAddr> sources,
                                      std::uint32_t bytes, std::uint32_t* result,
                                      AsyncSubmit submit) {
  DmaChannel* const channel = channel_for(ctx, DmaOp::zero_sum, submit);
  DmaDescriptor* tx = nullptr;
  if (channel != nullptr) tx = co_await channel->prep_zero_sum(ctx, sources, bytes);
  if (tx != nullptr) tx->result = result;
  co_return co_await do_one(ctx, tx, {DmaOp::zero_sum, 0, 0, sources, bytes}, submit, result);
}

Task<DmaDescriptor*> AsyncTx::pq(Atomic& ctx, hw::PhysAddr p, hw::PhysAddr q,
                                 std::span<const hw::PhysAddr> sources, std::uint32_t bytes,
                                 AsyncSubmit submit) {
  DmaChannel* const channel = channel_for(ctx, DmaOp::pq, submit);
  DmaDescriptor* tx = nullptr;
  if (channel != nullptr) tx = co_await channel->prep_pq(ctx, p, q, sources, bytes);
  co_return co_await do_one(ctx, tx, {DmaOp::pq, p, q, sources, bytes}, submit);
}

// Only the parent's own channel can tell its end.
Task<DmaDescriptor*> AsyncTx::trigger_callback(Atomic& ctx, AsyncSubmit submit) {
  DmaDescriptor* tx = nullptr;
  if (submit.depend_tx != nullptr && submit.depend_tx->channel->can(DmaOp::interrupt))
    tx = co_await submit.depend_tx->channel->prep_interrupt(ctx);
  co_return co_await do_one(ctx, tx, {DmaOp::interrupt}, submit);
}

}  // namespace iodrome::kernel
