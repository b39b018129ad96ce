// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/dmaengine/software_channel.h"

namespace iodrome::kernel {
namespace {

DmaChannel::Limits everything() {
  DmaChannel::Limits limits;
  limits.capabilities = dma_capabilities({DmaOp::memcpy, DmaOp::exclusive_or, DmaOp::zero_sum,
                                          DmaOp::memset, DmaOp::interrupt, DmaOp::pq});
  limits.max_bytes = kMaxCpuOperationBytes;
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
    if (descriptor.error == Errno::ok) co_await work_on(ctx, descriptor);
    co_await finish(ctx, descriptor, Errno::ok);
  }
  working_ = false;
}

Task<void> SoftwareChannel::work_on(Atomic& ctx, DmaDescriptor& descriptor) {
  CpuOperation operation{
      descriptor.op,    descriptor.destination,
      descriptor.q,     {descriptor.sources.data(), descriptor.source_count},
      descriptor.bytes, descriptor.value,
  };
  co_await carry_out(ctx, rates_, operation);
  descriptor.sums_to_zero = operation.sums_to_zero;
}

}  // namespace iodrome::kernel
