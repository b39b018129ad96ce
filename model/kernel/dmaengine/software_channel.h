// SPDX-License-Identifier: Apache-2.0
// A CPU as one more DMA channel: every operation, done by whoever issues it.
//
// Source: the synchronous paths of Linux crypto/async_tx/; that software is one device among others
// is E. Polyakov's acrypto.
#pragma once
#include "model/kernel/dmaengine/cpu_operation.h"
#include "model/kernel/dmaengine/dma_channel.h"

namespace iodrome::kernel {

/// Order: descriptors end in the order of submission, before issue_pending() returns, with their
/// callbacks in that context. A second context that issues meanwhile leaves its work to the first.
class SoftwareChannel final : public DmaChannel {
 public:
  SoftwareChannel(System& system, DmaCosts& costs, const SoftwareDmaRates& rates,
                  std::uint32_t descriptors);
  Task<void> poll(Atomic&) override { return Task<void>::ready(); }

 private:
  void load(DmaDescriptor&) override {}
  void doom(DmaDescriptor&) override {}
  Task<void> kick(Atomic& ctx) override;
  Task<void> work_on(Atomic& ctx, DmaDescriptor& descriptor);

  const SoftwareDmaRates rates_;
  bool working_ = false;
};

}  // namespace iodrome::kernel
