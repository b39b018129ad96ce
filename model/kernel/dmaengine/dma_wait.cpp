// SPDX-License-Identifier: Apache-2.0
// Waiting for an engine by looking.
#include "model/kernel/dmaengine/dma_channel.h"
#include "model/kernel/sync/burn.h"

namespace iodrome::kernel {
namespace {

// Linux dma_sync_wait(): msecs_to_jiffies(5000).
constexpr Duration kPatience = 5s;

Task<void> look(Atomic& ctx, DmaChannel& channel, DmaCosts& costs) {
  check(costs.poll.each > Duration{0}, "looking at a DMA channel for nothing, for ever");
  co_await channel.poll(ctx);
  Burning burning(ctx);
  co_await ctx.spend(costs.poll);
  burning.stop();
}

}  // namespace

Task<DmaStatus> dma_sync_wait(Atomic& ctx, DmaChannel& channel, DmaCookie cookie) {
  const SimTime end = ctx.now() + kPatience;
  co_await channel.issue_pending(ctx);
  while (channel.tx_status(cookie) == DmaStatus::in_progress) {
    if (ctx.now() >= end) co_return DmaStatus::error;
    co_await look(ctx, channel, channel.costs());
  }
  co_return channel.tx_status(cookie);
}

Task<DmaStatus> dma_wait_for_async_tx(Atomic& ctx, DmaDescriptor& descriptor) {
  check(!descriptor.acked, "waiting for a DMA descriptor that may be recycled");
  const SimTime end = ctx.now() + kPatience;
  while (!descriptor.ended && ctx.now() < end) {
    const DmaDescriptor* oldest = &descriptor;
    while (oldest->parent != nullptr) oldest = oldest->parent;
    DmaChannel& channel = *oldest->channel;
    co_await channel.issue_pending(ctx);
    co_await look(ctx, channel, channel.costs());
  }
  const bool well = descriptor.ended && descriptor.error == Errno::ok;
  co_return well ? DmaStatus::complete : DmaStatus::error;
}

}  // namespace iodrome::kernel
