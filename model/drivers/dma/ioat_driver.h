// SPDX-License-Identifier: Apache-2.0
// The driver of an I/OAT copy engine: a ring of descriptors per channel, completions in a tasklet.
//
// Source: Linux drivers/dma/ioat/ (ioat_tx_submit_unlock, ioat_cleanup, ioat_timer_event).
// Differs: no self test, no power management; an error resets the channel from the tasklet.
#pragma once
#include <memory>
#include <vector>

#include "hw/dma/ioat_registers.h"
#include "model/drivers/dma/driver_params.h"
#include "model/kernel/dmaengine/dma_engine.h"
#include "model/kernel/irq/controller.h"

namespace iodrome::drivers {

class IoatDriver {
 public:
  /// What every channel can do.
  static constexpr std::uint32_t kOperations =
      kernel::dma_capabilities({kernel::DmaOp::memcpy, kernel::DmaOp::interrupt});

  IoatDriver(kernel::System& system, kernel::IrqController& irqs, hw::Port& registers,
             const DmaDriverParams& params, kernel::DmaCosts& costs);
  ~IoatDriver();

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
