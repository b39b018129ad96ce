// SPDX-License-Identifier: Apache-2.0
// The hard disk's driver: command slots of one AHCI port, queued commands where the disk has NCQ,
// completions in the block softirq, a port reset for commands that do not end.
//
// Source: Linux drivers/ata/libahci.c and libata-core.c (ata_std_qc_defer), block/blk-softirq.c.
// Differs: one port; no TRIM: discards end with EOPNOTSUPP; a failed command does not stop the
// others, so there is no error log to read;
// the error handler runs in the timer softirq, costs nothing and resets in no time.
#pragma once
#include <deque>
#include <vector>

#include "hw/disk/registers.h"
#include "model/kernel/block/block_softirq.h"
#include "model/kernel/irq/controller.h"
#include "model/kernel/time/timer_wheel.h"

namespace iodrome::drivers {

class DiskDriver final : public kernel::BlockDriver, public kernel::IrqAction {
 public:
  static constexpr std::uint64_t kDeviceId = 2;  // in events, of the first

  /// The machine's `instance`th disk. `queue_depth`: slots it uses, 32 if there are more.
  DiskDriver(kernel::System& system, kernel::IrqController& irqs, kernel::BlockSoftirq& softirq,
             hw::Port& registers, std::int64_t queue_depth, std::uint32_t instance = 0);

  /// Starts the port and asks the disk what it is. At boot, at no CPU's cost.
  Task<void> attach() override;

  Task<void> queue_request(kernel::Atomic& ctx, kernel::Request& request) override;
  std::uint32_t queue_depth() const override { return queue_depth_; }
  kernel::QueueLimits limits() const override;
  bool volatile_cache() const override { return write_cache_on_; }
  std::uint64_t number() const override { return number_; }

  /// The hardirq: collects what has ended and leaves the rest to the block softirq.
  Task<void> handle(kernel::Atomic& ctx) override;

  /// Queued commands that the disk takes at once; 1: it has no NCQ, and its port takes all slots.
  std::uint32_t ncq_depth() const { return ncq_depth_; }
  std::uint64_t resets() const { return resets_; }

 private:
  // Expires when a command has been at the disk for too long.
  struct CommandTimer final : kernel::Timer {
    explicit CommandTimer(DiskDriver& of)
        : Timer([](kernel::Atomic& ctx, kernel::Timer& self) {
            return static_cast<CommandTimer&>(self).owner.timer_expired(ctx);
          }),
          owner(of) {}
    DiskDriver& owner;
  };
  struct Slot {
    hw::PhysAddr table = 0;
    SimTime since{};          // of the latest issue
    std::uint32_t tries = 0;  // that have timed out
  };

  Task<void> identify();
  bool goes_queued(const kernel::Request& request) const;
  hw::disk::CommandFis command_of(const kernel::Request& request) const;
  void fill_table(const kernel::Request& request);
  bool fits(const kernel::Request& request) const;
  Task<void> issue(kernel::Atomic& ctx, std::uint32_t slot);
  Task<void> issue_deferred(kernel::Atomic& ctx);
  void end(kernel::Atomic& ctx, std::uint32_t slot, bool failed);
  Task<void> recover(kernel::Atomic& ctx);
  std::uint32_t late_slots() const;
  Task<void> timer_expired(kernel::Atomic& ctx);

  kernel::System& system_;
  kernel::IrqController& irqs_;
  kernel::BlockSoftirq& softirq_;
  hw::Port& registers_;
  const std::uint32_t queue_depth_;
  const std::uint32_t instance_;
  const std::uint64_t number_;
  hw::PhysAddr command_list_;
  std::vector<Slot> slots_;
  CommandTimer timer_{*this};

  std::uint32_t ncq_depth_ = 1;
  bool write_cache_on_ = true;
  std::deque<std::uint32_t> deferred_;  // slots that the disk must not have yet
  bool queued_ = false;                 // what is at the disk are queued commands
  std::uint32_t taken_ = 0;             // slots given to the disk, or about to be
  std::uint32_t issued_ = 0;            // of these, those that its registers show
  std::uint64_t resets_ = 0;
};

}  // namespace iodrome::drivers
