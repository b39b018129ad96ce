// SPDX-License-Identifier: Apache-2.0
// A hard disk behind an AHCI port: 32 slots, one head, FIFO service.
#pragma once
#include <deque>
#include <vector>

#include "hw/core/activity.h"
#include "hw/core/draw_key.h"
#include "hw/disk/mechanics.h"
#include "hw/disk/registers.h"
#include "hw/ports.h"

namespace iodrome::hw {

struct DiskCounters {
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
  std::uint64_t errors = 0;
  std::uint64_t bytes_to_host = 0;
  std::uint64_t bytes_from_host = 0;
  std::uint64_t interrupts = 0;
};

/// The disk. Order: commands are served in the order of issue, by slot number within one write of
/// kPxCi.
class Disk final : public Target, private Timeline::StallSource {
 public:
  /// Errors: values that DiskParams::examine() refuses are a bug here.
  Disk(const DiskParams& params, Timeline& timeline, Port& memory, Port& interrupts, Medium& medium,
       DrawKey key);

  Response access(Command command, std::uint64_t address, std::span<std::byte> data) override;

  const DiskCounters& counters() const { return counters_; }
  /// Sectors the host can use: what the platters hold, or less if the medium is smaller.
  std::int64_t sectors() const { return sectors_; }
  Activities& activities() { return activities_; }

 private:
  struct Work {
    std::uint32_t slot = 0;
    std::uint64_t header_address = 0;
    disk::CommandHeader header;
    disk::CommandFis fis;
  };

  Response read_register(std::uint64_t address, std::span<std::byte> data) const;
  Response write_register(std::uint64_t address, std::uint64_t value, std::size_t size);
  Response issue(std::uint32_t slots);
  Activity serve(std::uint32_t slots);
  Task<bool> perform(Work& work);
  SimTime ready_time(const disk::CommandFis& fis);
  Task<bool> move_payload(const Work& work, bool to_host, std::span<std::byte> instead);
  Task<bool> move_piece(PhysAddr host, std::uint32_t count, bool to_host, std::uint64_t byte,
                        std::span<std::byte> instead);
  void end(const Work& work, bool success);
  void count(const disk::CommandFis& fis);
  Activity send_message();
  void describe_stall(std::vector<StallLine>& lines) const override;

  const DiskParams params_;
  Timeline& timeline_;
  Port& memory_;
  Port& interrupts_;
  Medium& medium_;
  DiskMechanics mechanics_;
  std::int64_t sectors_;

  std::uint32_t control_ = 0;
  std::uint64_t command_list_ = 0;
  std::uint32_t interrupt_status_ = 0;
  std::uint32_t interrupt_enable_ = 0;
  std::uint32_t port_command_ = 0;
  std::uint32_t task_file_ = disk::kPxTfdReady;
  std::uint32_t issued_ = 0;
  std::uint32_t failed_ = 0;
  std::uint64_t msi_address_ = 0;
  std::uint32_t msi_data_ = 0;

  std::deque<std::uint32_t> waiting_;
  bool serving_ = false;
  DiskCounters counters_;
  Activities activities_;  // last: its frames refer to everything above
};

}  // namespace iodrome::hw
