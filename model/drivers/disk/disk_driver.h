// SPDX-License-Identifier: Apache-2.0
// The hard disk's driver: command slots of one AHCI port, completions in the block softirq.
//
// Source: Linux drivers/ata/libahci.c and block/blk-softirq.c. Differs: no NCQ, no error recovery,
// one port.
#pragma once
#include <vector>

#include "hw/disk/registers.h"
#include "model/kernel/block/block.h"
#include "model/kernel/irq/controller.h"

namespace iodrome::drivers {

class DiskDriver final : public kernel::BlockDriver, public kernel::IrqAction {
 public:
  static constexpr std::uint64_t kDeviceId = 2;  // in events

  DiskDriver(kernel::System& system, kernel::IrqController& irqs, hw::Port& registers,
             std::uint64_t device_bytes);

  /// Starts the port. At boot, at no CPU's cost.
  Task<void> attach();
  void serve(kernel::BlockDevice& device) { device_ = &device; }

  Task<void> queue_request(kernel::Atomic& ctx, kernel::Request& request) override;
  std::uint32_t queue_depth() const override { return hw::disk::kSlots; }
  std::uint64_t size_bytes() const override { return device_bytes_; }
  const char* name() const override { return "sda"; }

  /// The hardirq: collects what has ended and leaves the rest to the block softirq.
  Task<void> handle(kernel::Atomic& ctx) override;

 private:
  // The softirq half, which ends requests.
  class Completer final : public kernel::IrqAction {
   public:
    explicit Completer(DiskDriver& owner) : owner_(owner) {}
    Task<void> handle(kernel::Atomic& ctx) override;

   private:
    DiskDriver& owner_;
  };

  void fill_table(const kernel::Request& request);

  kernel::System& system_;
  kernel::IrqController& irqs_;
  hw::Port& registers_;
  const std::uint64_t device_bytes_;
  kernel::BlockDevice* device_ = nullptr;
  hw::PhysAddr command_list_;
  std::vector<hw::PhysAddr> tables_;  // by slot
  Completer completer_;
  std::uint32_t issued_ = 0;  // slots at the disk
  std::uint32_t ended_ = 0;   // slots whose end the hardirq has seen
  std::uint32_t failed_ = 0;
};

}  // namespace iodrome::drivers
