// SPDX-License-Identifier: Apache-2.0
// The NVMe driver: a queue pair and an interrupt vector per CPU, completions handled in the
// hardirq; queue pairs without a vector, whose completions are polled for.
//
// Source: Linux drivers/nvme/host/pci.c (queue layout, nvme_irq, nvme_poll, doorbells). Differs: no
// timeouts, no reset, no shadow doorbells; a queue's locks are free.
#pragma once
#include <memory>
#include <vector>

#include "hw/nvme/registers.h"
#include "model/kernel/block/block.h"
#include "model/kernel/irq/controller.h"

namespace iodrome::drivers {

struct NvmeDriverParams {
  std::int64_t queue_entries = 0;  // of each submission and completion queue
  std::int64_t poll_queues = 0;    // queue pairs without a vector
};

class NvmeDriver final : public kernel::BlockDriver {
 public:
  static constexpr std::uint64_t kDeviceId = 1;  // in events, of the first

  /// The machine's `instance`th NVMe device.
  NvmeDriver(kernel::System& system, kernel::IrqController& irqs, hw::Port& registers,
             const NvmeDriverParams& params, std::uint32_t instance = 0);
  ~NvmeDriver() override;

  /// Brings the controller up: admin queue, then a queue pair per CPU, then those to be polled.
  Task<void> attach() override;

  Task<void> queue_request(kernel::Atomic& ctx, kernel::Request& request) override;
  std::uint32_t queue_depth() const override {
    return static_cast<std::uint32_t>(params_.queue_entries) - 1;
  }
  kernel::QueueMap queue_map() const override;
  /// nvme_poll(): the head of the completion queue is in memory, so a look costs no access to the
  /// device.
  Task<std::uint32_t> poll(kernel::Atomic& ctx, std::uint32_t queue) override;
  kernel::QueueLimits limits() const override;
  std::uint64_t number() const override { return number_; }

 private:
  struct Queue;
  Task<void> admin(hw::nvme::SubmissionEntry entry);
  Task<void> create(Queue& queue, bool interrupts);
  Task<void> ring_doorbell(kernel::Atomic& ctx, kernel::Request& request);
  Task<std::uint32_t> process(kernel::Atomic& ctx, Queue& queue);
  void fill_command(const kernel::Request& request, hw::nvme::SubmissionEntry& entry);
  void fill_range(const kernel::Request& request, hw::nvme::SubmissionEntry& entry);
  void fill_prps(const kernel::Request& request, hw::nvme::SubmissionEntry& entry);
  hw::PhysAddr list_of(const kernel::Request& request);
  hw::nvme::CompletionEntry& head_entry(const Queue& queue);
  bool completion_pending(const Queue& queue);
  hw::nvme::CompletionEntry* next_completion(Queue& queue);

  kernel::System& system_;
  kernel::IrqController& irqs_;
  hw::Port& registers_;
  const NvmeDriverParams params_;
  const std::uint32_t instance_;
  const std::uint64_t number_;
  std::unique_ptr<Queue> admin_;
  std::vector<std::unique_ptr<Queue>> queues_;  // by CPU, then those that are polled
};

}  // namespace iodrome::drivers
