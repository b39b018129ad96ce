// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/dmaengine/software_channel.h"

#include <algorithm>

#include "model/kernel/mm/copy.h"

namespace iodrome::kernel {
namespace {

DmaChannel::Limits everything() {
  DmaChannel::Limits limits;
  for (const DmaOp op :
       {DmaOp::memcpy, DmaOp::exclusive_or, DmaOp::zero_sum, DmaOp::memset, DmaOp::interrupt})
    limits.capabilities |= dma_capability(op);
  limits.max_bytes = 1u << 22;  // no more lies in one piece of memory
  limits.max_sources = kDmaSources;
  return limits;
}

}  // namespace

SoftwareChannel::SoftwareChannel(System& system, DmaCosts& costs, const SoftwareDmaRates& rates,
                                 std::uint32_t descriptors)
    : DmaChannel(system, costs, "cpu", everything(), descriptors), rates_(rates) {}

Task<void> SoftwareChannel::kick(Atomic& ctx) {
  if (working_) co_return;
  working_ = true;
  while (!active().empty()) {
    DmaDescriptor& descriptor = active().front();
    if (descriptor.error == Errno::ok) co_await carry_out(ctx, descriptor);
    co_await finish(ctx, descriptor, Errno::ok);
  }
  working_ = false;
}

Task<void> SoftwareChannel::carry_out(Atomic& ctx, DmaDescriptor& descriptor) {
  Duration time{};
  switch (descriptor.op) {
    case DmaOp::interrupt:
      co_return;
    case DmaOp::memcpy:
      co_await charge_copy(ctx, descriptor.bytes, CacheState::cold);
      break;
    case DmaOp::memset:
      time = rates_.memset.time_for(descriptor.bytes);
      break;
    case DmaOp::exclusive_or:
    case DmaOp::zero_sum:
      time = rates_.exclusive_or.time_for(std::int64_t{descriptor.bytes} * descriptor.source_count);
      break;
  }
  if (time > Duration{0}) co_await ctx.spend_for(ctx.costs().copy_call, time);
  if (ctx.system().payload_checked)
    move_bytes(descriptor);
  else
    descriptor.sums_to_zero = true;  // there are no bytes that could be wrong
}

void SoftwareChannel::move_bytes(DmaDescriptor& descriptor) {
  if (descriptor.op == DmaOp::memset) {
    const auto to = system_.memory.bytes(descriptor.destination, descriptor.bytes);
    return std::fill(to.begin(), to.end(), std::byte{descriptor.value});
  }
  const std::vector<std::byte> sum = sum_of(descriptor);
  if (descriptor.op == DmaOp::zero_sum) {
    const auto zero = [](std::byte one) { return one == std::byte{0}; };
    descriptor.sums_to_zero = std::all_of(sum.begin(), sum.end(), zero);
    return;
  }
  const auto to = system_.memory.bytes(descriptor.destination, descriptor.bytes);
  std::copy(sum.begin(), sum.end(), to.begin());
}

// Exclusive or over the sources; of one source, its copy.
std::vector<std::byte> SoftwareChannel::sum_of(const DmaDescriptor& descriptor) {
  std::vector<std::byte> sum(descriptor.bytes);
  for (std::uint32_t source = 0; source < descriptor.source_count; ++source) {
    const auto from = system_.memory.bytes(descriptor.sources[source], descriptor.bytes);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] ^= from[i];
  }
  return sum;
}

}  // namespace iodrome::kernel
