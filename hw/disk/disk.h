// SPDX-License-Identifier: Apache-2.0
// A hard disk behind an AHCI port: 32 slots, one arm, a queue that the disk puts in order, a write
// cache.
#pragma once
#include <vector>

#include "hw/core/activity.h"
#include "hw/core/draw_key.h"
#include "hw/disk/mechanics.h"
#include "hw/disk/registers.h"
#include "hw/disk/write_cache.h"
#include "hw/ports.h"

namespace iodrome::hw {

struct DiskCounters {
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
  std::uint64_t errors = 0;
  std::uint64_t bytes_to_host = 0;
  std::uint64_t bytes_from_host = 0;
  std::uint64_t interrupts = 0;
  std::uint64_t destages = 0;  // operations that brought cached writes to the medium
};

/// The disk. Order: queued commands by shortest positioning time, those that have waited too long
/// first; others in the order of issue, by slot number within one write of kPxCi.
class Disk final : public Target, private Timeline::StallSource {
 public:
  /// Errors: values that DiskParams::examine() refuses are a bug here.
  Disk(const DiskParams& params, Timeline& timeline, Port& memory, Port& interrupts, Medium& medium,
       DrawKey key);

  Response access(Command command, std::uint64_t address, std::span<std::byte> data) override;

  const DiskCounters& counters() const { return counters_; }
  /// Sectors the host can use: what the platters hold, or less if the medium is smaller.
  std::int64_t sectors() const { return sectors_; }
  /// Whether a loss of power now would leave the newest content of [first, first + bytes).
  bool durable(std::uint64_t first, std::uint64_t bytes) const;
  Activities& activities() { return activities_; }

 private:
  enum class Outcome : std::uint8_t { success, failure, lost };
  struct Work {
    std::uint32_t slot = 0;
    std::uint32_t epoch = 0;
    bool queued = false;
    bool legal = false;
    SimTime arrived{};
    std::uint64_t header_address = 0;
    disk::CommandHeader header;
    disk::CommandFis fis;

    disk::AtaCommand command() const { return static_cast<disk::AtaCommand>(fis.command); }
    bool reads() const;
    bool writes() const;
    bool forced() const;  // to the medium, whatever the write cache
    std::int64_t sector() const { return static_cast<std::int64_t>(fis.sector()); }
    std::int64_t count() const { return fis.sectors(); }
  };

  // disk_window.cpp
  Response read_register(std::uint64_t address, std::span<std::byte> data) const;
  Response write_register(std::uint64_t address, std::uint64_t value, std::size_t size);
  Response issue(std::uint32_t slots);
  void start_or_stop(std::uint32_t port_command);
  Activity receive(std::uint32_t slots, std::uint32_t epoch);
  Task<void> fetch(Work& work);
  bool examine(const Work& work) const;
  void end(const Work& work, bool success);
  void count(const Work& work);
  Activity send_message();

  // disk.cpp
  Activity work_off();
  bool destage_due();
  Work take_next();
  std::size_t shortest(SimTime start) const;
  SimTime reach(const Work& work, const DiskPlace& arm, SimTime start) const;
  Task<Outcome> perform(Work& work);
  Task<void> serve_read(const Work& work);
  Task<void> serve_write(const Work& work);
  Task<bool> serve_other(Work& work);
  Task<bool> move_payload(const Work& work, bool to_host, std::span<std::byte> instead);
  Task<bool> move_piece(PhysAddr host, std::uint32_t count, bool to_host, std::uint64_t byte,
                        std::span<std::byte> instead);

  // disk_cache.cpp
  bool goes_to_cache(const Work& work) const;
  bool has_room(std::int64_t sectors) const;
  Task<void> destage();
  Task<void> write_out();
  std::int64_t next_destage(SimTime start);
  std::int64_t nearest_cached(SimTime start) const;
  Activity destage_later(SimTime time);

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
  std::uint32_t queued_ = 0;  // PxSACT
  std::uint32_t failed_ = 0;
  std::uint64_t msi_address_ = 0;
  std::uint32_t msi_data_ = 0;

  std::uint32_t epoch_ = 0;       // counts stops of the port; what came before one has gone
  std::uint32_t has_queued_ = 0;  // queued commands that the disk has taken and not ended
  std::uint32_t has_plain_ = 0;   // the same of others
  std::vector<Work> waiting_;     // by arrival
  bool serving_ = false;
  bool hung_ = false;  // a command that was lost keeps the others waiting

  bool cache_on_;
  DiskWriteCache cache_;
  std::int64_t destaging_first_ = 0;  // on its way to the medium
  std::int64_t destaging_end_ = 0;
  bool commands_turn_ = false;  // after a destage that would not wait
  bool destage_planned_ = false;

  DiskCounters counters_;
  Activities activities_;  // last: its frames refer to everything above
};

}  // namespace iodrome::hw
