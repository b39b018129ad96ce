// SPDX-License-Identifier: Apache-2.0
// The virtio block driver: one split virtqueue with indirect descriptors, completions in the block
// softirq. A doorbell costs the CPU a VM exit; with event indices it is rung only if the host asks.
//
// Source: Linux drivers/block/virtio_blk.c (virtblk_done, virtio_queue_rq), drivers/virtio/
// virtio_ring.c. Differs: one queue; no timeouts, as in Linux; the interrupt is CPU 0's.
#pragma once
#include <deque>
#include <vector>

#include "hw/virtio_blk/registers.h"
#include "model/kernel/block/block.h"
#include "model/kernel/irq/controller.h"

namespace iodrome::drivers {

class VirtioBlkDriver final : public kernel::BlockDriver, public kernel::IrqAction {
 public:
  static constexpr std::uint64_t kDeviceId = 4;  // in events

  /// `queue_entries`: a power of two.
  VirtioBlkDriver(kernel::System& system, kernel::IrqController& irqs, hw::Port& registers,
                  std::int64_t queue_entries, std::uint64_t device_bytes);

  /// Sets the queue up. At boot, at no CPU's cost. Errors: what the device refuses is an internal
  /// error.
  Task<void> attach();
  void serve(kernel::BlockDevice& device) { device_ = &device; }

  Task<void> queue_request(kernel::Atomic& ctx, kernel::Request& request) override;
  std::uint32_t queue_depth() const override { return entries_; }
  std::uint64_t size_bytes() const override { return device_bytes_; }
  const char* name() const override { return "vda"; }

  /// The hardirq: collects what has ended and leaves the rest to the block softirq.
  Task<void> handle(kernel::Atomic& ctx) override;

 private:
  class Completer final : public kernel::IrqAction {
   public:
    explicit Completer(VirtioBlkDriver& owner) : owner_(owner) {}
    Task<void> handle(kernel::Atomic& ctx) override;

   private:
    VirtioBlkDriver& owner_;
  };
  struct Slot {
    hw::PhysAddr table = 0;  // indirect descriptors; header, range and status stand behind them
    bool busy = false;
  };

  void fill_table(const kernel::Request& request);
  bool publish(std::uint32_t tag);
  template <class T>
  T& word(std::uint64_t address) {
    return system_.memory.at<T>(address);
  }

  kernel::System& system_;
  kernel::IrqController& irqs_;
  hw::Port& registers_;
  const std::uint32_t entries_;
  const std::uint64_t device_bytes_;
  kernel::BlockDevice* device_ = nullptr;
  hw::PhysAddr desc_;
  hw::PhysAddr avail_;
  hw::PhysAddr used_;
  std::vector<Slot> slots_;  // by tag
  Completer completer_;
  std::uint16_t added_ = 0;  // to the available ring
  std::uint16_t seen_ = 0;   // of the used ring
  std::deque<std::uint32_t> ended_;
};

}  // namespace iodrome::drivers
