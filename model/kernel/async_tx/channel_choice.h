// SPDX-License-Identifier: Apache-2.0
// Who carries out the next operation of a chain, as async_tx asks it: an interface, so that what
// stands above the kernel may answer.
#pragma once
#include "model/kernel/dmaengine/dma_engine.h"

namespace iodrome::kernel {

class ChannelChoice {
 public:
  virtual ~ChannelChoice() = default;
  /// nullptr: the CPU that asks does it itself, now.
  virtual DmaChannel* find(DmaOp op, std::uint32_t cpu, const DmaDescriptor* parent) = 0;
};

/// Linux's choice: an engine if there is one, the parent's first; it asks neither for size nor for
/// load. Operations may be kept from engines.
///
/// Source: Linux __async_tx_find_channel().
class EngineChoice final : public ChannelChoice {
 public:
  /// `engine_ops`: dma_capability() of the operations that engines may do; the others a CPU does.
  explicit EngineChoice(const DmaEngine& engine, std::uint32_t engine_ops = ~0u)
      : engine_(engine), engine_ops_(engine_ops) {}
  DmaChannel* find(DmaOp op, std::uint32_t cpu, const DmaDescriptor* parent) override {
    if ((engine_ops_ & dma_capability(op)) == 0) return nullptr;
    return engine_.find_engine(op, cpu, parent);
  }

 private:
  const DmaEngine& engine_;
  const std::uint32_t engine_ops_;
};

}  // namespace iodrome::kernel
