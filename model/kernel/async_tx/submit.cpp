// SPDX-License-Identifier: Apache-2.0
// How an operation comes after the one that it depends on.
#include "model/kernel/async_tx/async_tx.h"

namespace iodrome::kernel {

// The caller's sources live in its frame, which awaits this.
Task<DmaDescriptor*> AsyncTx::do_one(Atomic& ctx, DmaDescriptor* tx, CpuOperation operation,
                                     const AsyncSubmit& submit, std::uint32_t* result) {
  if (tx != nullptr) co_return co_await offload(ctx, *tx, submit);
  co_await synchronous(ctx, operation, submit, result);
  co_return nullptr;
}

// async_tx_submit(). Who wants no callback needs no interrupt.
Task<DmaDescriptor*> AsyncTx::offload(Atomic& ctx, DmaDescriptor& tx, const AsyncSubmit& submit) {
  ++counters_.offloaded;
  tx.callback = submit.callback;
  tx.argument = submit.argument;
  tx.interrupt = submit.callback != nullptr;
  tx.acked = (submit.flags & kAsyncAck) != 0;
  DmaDescriptor* const parent = submit.depend_tx;
  if (parent != nullptr && !parent->channel->limits().in_order)
    tx.error = co_await quiesce(ctx, parent);  // nothing behind it in its channel tells its end
  else if (parent != nullptr && parent->channel != tx.channel)
    co_await switch_channel(ctx, tx, *parent);
  else if (parent != nullptr)
    DmaChannel::depends_on(tx, *parent);
  co_await tx.channel->tx_submit(ctx, tx);
  co_return &tx;
}

// async_tx_channel_switch(): an interrupt descriptor behind the parent, whose end starts `tx` on
// its own channel; without one the CPU waits here.
Task<void> AsyncTx::switch_channel(Atomic& ctx, DmaDescriptor& tx, DmaDescriptor& parent) {
  DmaChannel& channel = *parent.channel;
  DmaDescriptor* interrupt = nullptr;
  if (channel.can(DmaOp::interrupt)) interrupt = co_await channel.prep_interrupt(ctx);
  if (interrupt == nullptr) {
    tx.error = co_await quiesce(ctx, &parent);
    co_return;
  }
  ++counters_.switches;
  interrupt->acked = false;
  DmaChannel::depends_on(*interrupt, parent);
  DmaChannel::depends_on(tx, *interrupt);
  co_await channel.tx_submit(ctx, *interrupt);
  co_await channel.issue_pending(ctx);
}

Task<Errno> AsyncTx::quiesce(Atomic& ctx, DmaDescriptor* descriptor) {
  if (descriptor == nullptr) co_return Errno::ok;
  ++counters_.spins;
  const DmaStatus status = co_await dma_wait_for_async_tx(ctx, *descriptor);
  const Errno error = status == DmaStatus::complete ? Errno::ok : Errno::eio;
  descriptor->channel->acknowledge(*descriptor);
  co_return error;
}

Task<void> AsyncTx::synchronous(Atomic& ctx, CpuOperation operation, const AsyncSubmit& submit,
                                std::uint32_t* result) {
  ++counters_.synchronous;
  DmaDescriptor done;
  done.op = operation.op;
  done.error = co_await quiesce(ctx, submit.depend_tx);
  if (done.error == Errno::ok)
    co_await carry_out(ctx, rates_, operation);
  else if (submit.left_out != nullptr)
    *submit.left_out = true;
  done.sums_to_zero = operation.sums_to_zero;
  if (result != nullptr) *result = operation.sums_to_zero ? 0 : kSumCheckP;
  done.ended = true;
  done.argument = submit.argument;
  if (submit.callback != nullptr) co_await submit.callback(ctx, done);
}

Task<void> AsyncTx::issue_pending_all(Atomic& ctx) {
  for (DmaChannel* const channel : engine_.hardware()) co_await channel->issue_pending(ctx);
}

}  // namespace iodrome::kernel
