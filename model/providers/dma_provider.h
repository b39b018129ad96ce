// SPDX-License-Identifier: Apache-2.0
// A channel of a DMA engine as a provider.
#pragma once
#include "model/kernel/dmaengine/dma_channel.h"
#include "model/providers/provider.h"

namespace iodrome::providers {

/// It publishes what the channel's limits say. Jobs end in the driver's tasklet.
class DmaProvider final : public Provider {
 public:
  /// `rate` and `fixed` are what its maker claims: the hardware has no register that tells them.
  DmaProvider(kernel::DmaChannel& channel, std::string name, Rate rate, Duration fixed);

 private:
  Task<Errno> start(kernel::Atomic& ctx, Job& job) override;
  Task<kernel::DmaDescriptor*> prepare(kernel::Atomic& ctx, Job& job);
  static Task<void> callback(kernel::Atomic& ctx, kernel::DmaDescriptor& descriptor);

  kernel::DmaChannel& channel_;
};

}  // namespace iodrome::providers
