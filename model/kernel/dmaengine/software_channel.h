// SPDX-License-Identifier: Apache-2.0
// A CPU as one more DMA channel: every operation, done by whoever issues it.
//
// Source: the synchronous paths of Linux crypto/async_tx/; that software is one device among others
// is E. Polyakov's acrypto.
#pragma once
#include "model/engine/parameters.h"
#include "model/kernel/dmaengine/dma_channel.h"

namespace iodrome::kernel {

/// Rates of what a CPU does besides copying, which goes at the machine's cold copy rate.
struct SoftwareDmaRates {
  Rate exclusive_or;  // of source bytes read
  Rate memset;
};

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
  Task<void> carry_out(Atomic& ctx, DmaDescriptor& descriptor);
  void move_bytes(DmaDescriptor& descriptor);
  std::vector<std::byte> sum_of(const DmaDescriptor& descriptor);

  const SoftwareDmaRates rates_;
  bool working_ = false;
};

}  // namespace iodrome::kernel
