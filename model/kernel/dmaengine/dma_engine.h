// SPDX-License-Identifier: Apache-2.0
// The machine's DMA channels, and who gets which.
#pragma once
#include <vector>

#include "model/kernel/dmaengine/dma_channel.h"

namespace iodrome::kernel {

/// Every channel that there is, engines before software.
///
/// Source: Linux dma_channel_rebalance() and async_tx_find_channel(). Differs: channels never come
/// or go while the machine runs, and choosing one costs nothing.
class DmaEngine {
 public:
  /// At boot. Channels are preferred in the order in which they were added.
  void add(DmaChannel& channel, bool software = false) {
    (software ? software_ : hardware_).push_back(&channel);
  }

  /// The channel for an operation on that CPU: the parent's if it can do it, so that a chain stays
  /// on one engine; else the n-th capable engine channel for the n-th CPU, round and round; else a
  /// CPU's own channel. nullptr: nobody can.
  ///
  /// Differs: DmaOp::interrupt is never asked for alone in Linux; here it is an operation as any.
  DmaChannel* find_channel(DmaOp op, std::uint32_t cpu,
                           const DmaDescriptor* parent = nullptr) const {
    DmaChannel* const engine = find_engine(op, cpu, parent);
    return engine != nullptr ? engine : nth_capable(software_, op, cpu);
  }
  /// The same without the CPUs' own channels.
  DmaChannel* find_engine(DmaOp op, std::uint32_t cpu, const DmaDescriptor* parent) const {
    if (parent != nullptr && parent->channel->can(op)) return parent->channel;
    return nth_capable(hardware_, op, cpu);
  }
  const std::vector<DmaChannel*>& hardware() const { return hardware_; }
  const std::vector<DmaChannel*>& software() const { return software_; }

 private:
  static DmaChannel* nth_capable(const std::vector<DmaChannel*>& channels, DmaOp op,
                                 std::uint32_t cpu) {
    std::uint32_t capable = 0;
    for (const DmaChannel* channel : channels) capable += channel->can(op) ? 1 : 0;
    if (capable == 0) return nullptr;
    std::uint32_t left = cpu % capable;
    for (DmaChannel* const channel : channels)
      if (channel->can(op) && left-- == 0) return channel;
    return nullptr;
  }

  std::vector<DmaChannel*> hardware_;
  std::vector<DmaChannel*> software_;
};

}  // namespace iodrome::kernel
