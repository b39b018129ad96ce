// SPDX-License-Identifier: Apache-2.0
// The driver of a data streaming accelerator: the first work queue is dedicated to the kernel and
// one channel of the dmaengine; the others are shared and belong to user space, which submits by
// ENQCMD.
//
// Source: Linux drivers/dma/idxd/ (idxd_dma_tx_submit, idxd_submit_desc, irq_process_work_list).
// Differs: descriptors are written when they are issued, not when they are submitted; completions
// in a tasklet instead of a threaded interrupt; all engines and queues in one group; what met a
// missing page ends with EFAULT, and nobody goes on with the rest of it.
#pragma once
#include <memory>
#include <vector>

#include "hw/dma/dsa_registers.h"
#include "model/drivers/dma/driver_params.h"
#include "model/kernel/dmaengine/dma_engine.h"
#include "model/kernel/irq/controller.h"

namespace iodrome::drivers {

/// What submitting costs a CPU.
struct PortalCosts {
  kernel::Cost movdir64b;  // a descriptor built and posted
  kernel::Cost enqcmd;     // a descriptor built, and the answer of the device
};

class IdxdDriver {
 public:
  /// What its channel can do.
  static constexpr std::uint32_t kOperations =
      kernel::dma_capabilities({kernel::DmaOp::memcpy, kernel::DmaOp::interrupt});

  /// `shared_queues`, of equal size, take the entries that the kernel's queue leaves.
  IdxdDriver(kernel::System& system, kernel::IrqController& irqs, hw::Port& registers,
             const DmaDriverParams& params, std::uint32_t shared_queues, kernel::DmaCosts& costs,
             PortalCosts& portal_costs);
  ~IdxdDriver();

  /// Sets the device up and adds its channel. At boot, at no CPU's cost; takes no time on a direct
  /// port. Errors: fewer entries than the queues need is a bug of the machine.
  Task<void> attach(kernel::DmaEngine& engine);

  /// ENQCMD to a shared queue's portal, as user code does; addresses are physical. False: the queue
  /// had no room, try again. Its record tells the end.
  Task<bool> enqcmd(kernel::Atomic& ctx, std::uint32_t queue, hw::dsa::Descriptor descriptor);

 private:
  class Channel;
  kernel::System& system_;
  kernel::IrqController& irqs_;
  hw::Port& registers_;
  const DmaDriverParams params_;
  const std::uint32_t shared_queues_;
  kernel::DmaCosts& costs_;
  PortalCosts& portal_costs_;
  std::unique_ptr<Channel> channel_;
};

}  // namespace iodrome::drivers
