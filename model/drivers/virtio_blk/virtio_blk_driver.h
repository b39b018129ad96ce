// SPDX-License-Identifier: Apache-2.0
// The virtio block driver: one split virtqueue with indirect descriptors, completions in the block
// softirq. A doorbell costs the CPU a VM exit; with event indices it is rung only if the host asks.
//
// Source: Linux drivers/block/virtio_blk.c (virtblk_done, virtio_queue_rq), drivers/virtio/
// virtio_ring.c. Differs: one queue; no timeouts, which in Linux only begin anew; the interrupt is
// CPU 0's.
#pragma once
#include <vector>

#include "hw/virtio_blk/registers.h"
#include "model/kernel/block/block_softirq.h"
#include "model/kernel/irq/controller.h"

namespace iodrome::drivers {

class VirtioBlkDriver final : public kernel::BlockDriver, public kernel::IrqAction {
 public:
  static constexpr std::uint64_t kDeviceId = 4;  // in events, of the first

  /// The machine's `instance`th virtio block device. `queue_entries`: a power of
  /// two.
  VirtioBlkDriver(kernel::System& system, kernel::IrqController& irqs,
                  kernel::BlockSoftirq& softirq, hw::Port& registers, std::int64_t queue_entries,
                  std::uint32_t instance = 0);

  /// Sets the queue up.
  Task<void> attach() override;

  Task<void> queue_request(kernel::Atomic& ctx, kernel::Request& request) override;
  std::uint32_t queue_depth() const override { return entries_; }
  kernel::QueueLimits limits() const override {
    return {.max_bytes = 1 << 20, .max_segments = 254};
  }
  std::uint64_t number() const override { return number_; }

  /// The hardirq: collects what has ended and leaves the rest to the block softirq.
  Task<void> handle(kernel::Atomic& ctx) override;

 private:
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
  kernel::BlockSoftirq& softirq_;
  hw::Port& registers_;
  const std::uint32_t entries_;
  const std::uint32_t instance_;
  const std::uint64_t number_;
  hw::PhysAddr desc_;
  hw::PhysAddr avail_;
  hw::PhysAddr used_;
  std::vector<Slot> slots_;  // by tag
  std::uint16_t added_ = 0;  // to the available ring
  std::uint16_t seen_ = 0;   // of the used ring
};

}  // namespace iodrome::drivers
