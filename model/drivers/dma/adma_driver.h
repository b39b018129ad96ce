// SPDX-License-Identifier: Apache-2.0
// The driver of an ADMA engine: a ring of descriptors per channel, linked as they are issued,
// completions in a tasklet.
//
// Source: Linux drivers/dma/iop-adma.c (iop_adma_tx_submit, iop_chan_append,
// __iop_adma_slot_cleanup). Differs: one slot is one descriptor of whatever operation; nothing is
// shown to the channel before it is issued; an error restarts the chain behind the descriptor that
// failed, where iop-adma stops the machine.
#pragma once
#include <memory>
#include <vector>

#include "hw/dma/adma_registers.h"
#include "model/drivers/dma/driver_params.h"
#include "model/kernel/dmaengine/dma_engine.h"
#include "model/kernel/irq/controller.h"

namespace iodrome::drivers {

class AdmaDriver {
 public:
  /// What every channel can do.
  static constexpr std::uint32_t kOperations = kernel::dma_capabilities(
      {kernel::DmaOp::memcpy, kernel::DmaOp::exclusive_or, kernel::DmaOp::zero_sum,
       kernel::DmaOp::memset, kernel::DmaOp::interrupt});

  AdmaDriver(kernel::System& system, kernel::IrqController& irqs, hw::Port& registers,
             const DmaDriverParams& params, kernel::DmaCosts& costs);
  ~AdmaDriver();

  /// Sets the channels up and adds them. At boot, at no CPU's cost; takes no time on a direct port.
  Task<void> attach(kernel::DmaEngine& engine);

 private:
  class Channel;
  kernel::System& system_;
  kernel::IrqController& irqs_;
  hw::Port& registers_;
  const DmaDriverParams params_;
  kernel::DmaCosts& costs_;
  std::vector<std::unique_ptr<Channel>> channels_;
};

}  // namespace iodrome::drivers
