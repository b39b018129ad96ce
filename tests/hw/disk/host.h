// SPDX-License-Identifier: Apache-2.0
// The least a host does to use a disk: a command list, tables, an interrupt handler.
#pragma once
#include <bit>
#include <optional>

#include "hw/disk/disk.h"
#include "hw/memory/memory.h"
#include "tests/hw/test_medium.h"

namespace iodrome::hw::test {

class DiskHost {
 public:
  struct Done {
    SimTime time;
    std::uint32_t slot;
    bool failed;
  };
  struct Piece {
    PhysAddr address;
    std::uint32_t bytes;
  };

  explicit DiskHost(const DiskParams& params, bool checked = false, std::uint64_t seed = 1,
                    std::uint64_t medium_bytes = std::uint64_t{1} << 45)
      : medium(medium_bytes, checked),
        messages(timeline),
        device(params, timeline, memory_port, message_port, medium, DrawKey{seed, 7}) {
    list_ = memory.allocate_contiguous(32 * 32);
    for (PhysAddr& table : tables_) table = memory.allocate_contiguous(0x1000);
    write(disk::kPxClb, list_, 8);
    write(disk::kPxIe, disk::kPxIsDone | disk::kPxIsQueued | disk::kPxIsError, 4);
    write(disk::kMsiData, 77, 4);
    write(disk::kGhc, disk::kGhcEnable | disk::kGhcInterrupts, 4);
    write(disk::kPxCmd, disk::kPxCmdStart, 4);
    messages.on_message = [this](std::uint32_t data) {
      check(data == 77, "a message of somebody else");
      handle();
    };
  }

  void prepare(std::uint32_t slot, disk::AtaCommand command, std::uint64_t sector,
               std::uint32_t sectors, const std::vector<Piece>& pieces = {}) {
    disk::CommandHeader header;
    const bool writes = command == disk::AtaCommand::write_dma_ext ||
                        command == disk::AtaCommand::write_dma_fua_ext ||
                        command == disk::AtaCommand::write_fpdma_queued;
    if (writes) header.flags |= disk::kHeaderWrite;
    header.table = tables_[slot];
    header.scatter_entries = static_cast<std::uint16_t>(pieces.size());
    disk::CommandFis fis;
    fis.command = static_cast<std::uint8_t>(command);
    fis.set_sector(sector);
    fis.count = static_cast<std::uint16_t>(sectors);
    if (is_queued(command)) fis.set_queued(command, sectors, slot);
    memory.at<disk::CommandHeader>(list_ + 32 * slot) = header;
    memory.at<disk::CommandFis>(tables_[slot]) = fis;
    for (std::size_t i = 0; i < pieces.size(); ++i)
      memory.at<disk::ScatterEntry>(tables_[slot] + disk::kScatterAt + 16 * i) = {
          pieces[i].address, 0, pieces[i].bytes - 1};
  }
  disk::CommandFis& fis(std::uint32_t slot) { return memory.at<disk::CommandFis>(tables_[slot]); }
  Response issue(std::uint32_t slots) {
    issued_ |= slots;
    return write(disk::kPxCi, slots, 4);
  }
  Response issue_queued(std::uint32_t slots) {
    queued_ |= slots;
    const Response response = write(disk::kPxSact, slots, 4);
    return response != Response::ok ? response : write(disk::kPxCi, slots, 4);
  }
  /// One queued command of the slot, told to the disk.
  void queue(std::uint32_t slot, disk::AtaCommand command, std::uint64_t sector,
             std::uint32_t sectors, const std::vector<Piece>& pieces = {}) {
    prepare(slot, command, sector, sectors, pieces);
    check(issue_queued(1u << slot) == Response::ok, "refused");
  }
  /// As a driver does after a timeout: stops the port and starts it again.
  void restart() {
    write(disk::kPxCmd, 0, 4);
    issued_ = queued_ = 0;
    write(disk::kPxIs, ~0u, 4);
    write(disk::kPxCmd, disk::kPxCmdStart, 4);
  }
  /// One command, alone; returns what it took.
  Duration run(disk::AtaCommand command, std::uint64_t sector, std::uint32_t sectors,
               const std::vector<Piece>& pieces = {}) {
    const SimTime start = timeline.now();
    done.clear();
    prepare(0, command, sector, sectors, pieces);
    check(issue(1) == Response::ok, "refused");
    timeline.run();
    check(done.size() == 1, "the command did not end");
    return done[0].time - start;
  }
  std::uint32_t bytes_moved(std::uint32_t slot) {
    return memory.at<disk::CommandHeader>(list_ + 32 * slot).bytes_moved;
  }

  Response write(std::uint64_t address, std::uint64_t value, std::size_t size) {
    return device.access(Command::write, address,
                         std::as_writable_bytes(std::span{&value, 1}).first(size));
  }
  std::uint32_t read(std::uint64_t address) {
    std::uint32_t value = 0;
    check(device.access(Command::read, address, std::as_writable_bytes(std::span{&value, 1})) ==
              Response::ok,
          "register read refused");
    return value;
  }

  Timeline timeline;
  Memory memory;
  DirectPort memory_port{memory};
  TestMedium medium;
  MessageLog messages;
  DirectPort message_port{messages};
  Disk device;
  std::vector<Done> done;
  int handled = 0;
  std::function<void(std::uint32_t slot)> on_done;

 private:
  void handle() {
    ++handled;
    write(disk::kPxIs, read(disk::kPxIs), 4);
    const std::uint32_t failed = read(disk::kFailed);
    write(disk::kFailed, failed, 4);
    const std::uint32_t plain = issued_ & ~read(disk::kPxCi);
    const std::uint32_t queued = queued_ & ~read(disk::kPxSact);
    issued_ &= ~plain;
    queued_ &= ~queued;
    std::uint32_t ended = plain | queued;
    for (; ended != 0; ended &= ended - 1) {
      const auto slot = static_cast<std::uint32_t>(std::countr_zero(ended));
      done.push_back({timeline.now(), slot, (failed >> slot & 1) != 0});
      if (on_done) on_done(slot);
    }
  }

  PhysAddr list_ = 0;
  PhysAddr tables_[32] = {};
  std::uint32_t issued_ = 0;
  std::uint32_t queued_ = 0;
};

/// Everything that happens up to a time, inclusive.
inline void run_until(DiskHost& host, SimTime time) {
  host.timeline.run(time + ps(1));
  if (host.timeline.now() < time) host.timeline.advance_to(time);
}

}  // namespace iodrome::hw::test
