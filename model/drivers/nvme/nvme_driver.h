// SPDX-License-Identifier: Apache-2.0
// The NVMe driver: a queue pair and an interrupt vector per CPU, completions handled in the
// hardirq; queue pairs without a vector, whose completions are polled for.
//
// A command that does not end is looked for in its completion queue, then aborted, then ended by a
// reset of the controller; what failed and may be tried again is queued again.
//
// Source: Linux drivers/nvme/host/pci.c (queue layout, nvme_irq, nvme_poll, doorbells,
// nvme_timeout, nvme_dev_disable, nvme_reset_work), core.c (nvme_decide_disposition,
// nvme_retry_req, nvme_wait_ready). Differs: no shadow doorbells, no delay that the controller asks
// for before a retry; a queue's locks are free; a reset runs in the thread that found the time-out,
// Identify and Set Features are no part of it, and the limit of Aborts is told, not read from
// Identify; a bio that comes while the controller is reset pays for its command twice; an error is
// EIO whatever its status, where Linux since 4.13 tells media errors as ENODATA.
#pragma once
#include <memory>
#include <vector>

#include "hw/nvme/registers.h"
#include "model/kernel/block/block.h"
#include "model/kernel/irq/controller.h"
#include "model/kernel/sync/completion.h"

namespace iodrome::drivers {

struct NvmeDriverParams {
  std::int64_t queue_entries = 0;  // of each submission and completion queue
  std::int64_t poll_queues = 0;    // queue pairs without a vector
  Duration timeout{};              // of an I/O command, io_timeout; 0: for ever
  Duration admin_timeout{};        // of an admin command after boot
  std::int64_t max_retries = 0;    // of a request
  std::int64_t abort_limit = 1;    // Aborts at a time: ACL of Identify Controller, and one
};

/// What a driver had to do about commands that failed or did not end.
struct NvmeRecovery {
  std::uint64_t timeouts = 0;  // deadlines that passed
  std::uint64_t polled = 0;    // of them, those whose command had ended: the interrupt was lost
  std::uint64_t aborts = 0;    // Abort commands sent
  std::uint64_t resets = 0;    // of the controller
  std::uint64_t retries = 0;   // requests queued again
  std::uint64_t strays = 0;    // completions of commands that were not at the device any more
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

  Duration timeout() const override { return params_.timeout; }
  /// nvme_timeout(). It may sleep for as long as a reset takes.
  Task<kernel::TimedOut> timed_out(kernel::Sleepable& ctx, kernel::Request& request) override;
  SimTime next_deadline() const override;
  Task<void> expired(kernel::Sleepable& ctx) override;
  /// The controller has not come back from a reset: nvme_remove_dead_ctrl().
  bool dead() const override { return state_ == State::dead; }
  const NvmeRecovery& recovery() const { return recovery_; }

 private:
  struct Queue;
  enum class State : std::uint8_t { live, resetting, dead };

  // nvme_driver.cpp
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
  static hw::nvme::SubmissionEntry creation(const Queue& queue, hw::nvme::AdminOpcode opcode);
  void put(Queue& queue, const hw::nvme::SubmissionEntry& entry);

  // nvme_recovery.cpp
  Task<void> failed(kernel::Atomic& ctx, kernel::Request& request, bool no_retry);
  Task<void> send_abort(kernel::Atomic& ctx, kernel::Request& request);
  Task<void> process_admin(kernel::Atomic& ctx);
  Task<void> submit_admin(kernel::Atomic& ctx, hw::nvme::SubmissionEntry entry);
  Task<bool> admin_now(kernel::Sleepable& ctx, hw::nvme::SubmissionEntry entry);
  Task<void> listen_to_admin();
  Task<void> reset(kernel::Sleepable& ctx);
  Task<void> disable(kernel::Sleepable& ctx);
  Task<void> take_back(kernel::Sleepable& ctx);
  Task<bool> bring_up(kernel::Sleepable& ctx);
  Task<bool> wait_ready(kernel::Sleepable& ctx, std::uint32_t wanted);
  void clear(Queue& queue);

  kernel::System& system_;
  kernel::IrqController& irqs_;
  hw::Port& registers_;
  const NvmeDriverParams params_;
  const std::uint32_t instance_;
  const std::uint64_t number_;
  std::unique_ptr<Queue> admin_;
  std::vector<std::unique_ptr<Queue>> queues_;  // by CPU, then those that are polled
  State state_ = State::live;
  NvmeRecovery recovery_;
  std::vector<SimTime> abort_deadlines_;  // by command identifier; kNever: not under way
  bool admin_listens_ = false;            // the admin queue has its vector
  bool admin_succeeded_ = false;          // the command that admin_now() waited for last
  kernel::Completion admin_done_{"nvme admin command"};
};

}  // namespace iodrome::drivers
