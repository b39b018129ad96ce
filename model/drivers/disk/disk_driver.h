// SPDX-License-Identifier: Apache-2.0
// The hard disk's driver: command slots of one AHCI port, completions in the block softirq.
//
// Source: Linux drivers/ata/libahci.c and block/blk-softirq.c. Differs: no NCQ, no error recovery,
// one port per controller.
#pragma once
#include <string>
#include <vector>

#include "hw/disk/registers.h"
#include "model/kernel/block/block_softirq.h"
#include "model/kernel/irq/controller.h"

namespace iodrome::drivers {

class DiskDriver final : public kernel::BlockDriver, public kernel::IrqAction {
 public:
  static constexpr std::uint64_t kDeviceId = 2;  // in events, of the first

  /// The machine's `instance`th disk. `queue_depth`: slots it uses, 32 if there are
  /// more; libata keeps to one where commands are not queued natively.
  DiskDriver(kernel::System& system, kernel::IrqController& irqs, kernel::BlockSoftirq& softirq,
             hw::Port& registers, std::int64_t queue_depth, std::uint64_t device_bytes,
             std::uint32_t instance = 0);

  /// Starts the port.
  Task<void> attach() override;

  Task<void> queue_request(kernel::Atomic& ctx, kernel::Request& request) override;
  std::uint32_t queue_depth() const override { return queue_depth_; }
  kernel::QueueLimits limits() const override;
  std::uint64_t size_bytes() const override { return device_bytes_; }
  const char* name() const override { return name_.c_str(); }
  std::uint64_t number() const override { return number_; }

  /// The hardirq: collects what has ended and leaves the rest to the block softirq.
  Task<void> handle(kernel::Atomic& ctx) override;

 private:
  void fill_table(const kernel::Request& request);

  kernel::System& system_;
  kernel::IrqController& irqs_;
  kernel::BlockSoftirq& softirq_;
  hw::Port& registers_;
  const std::uint32_t queue_depth_;
  const std::uint64_t device_bytes_;
  const std::uint32_t instance_;
  const std::uint64_t number_;
  const std::string name_;
  hw::PhysAddr command_list_;
  std::vector<hw::PhysAddr> tables_;  // by slot
  std::uint32_t issued_ = 0;          // slots at the disk
};

}  // namespace iodrome::drivers
