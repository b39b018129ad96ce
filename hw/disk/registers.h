// SPDX-License-Identifier: Apache-2.0
// What a driver sees of the disk: a subset of AHCI with one port, the command structures in host
// memory and the ATA commands. Source: AHCI 1.3.1, sections 3 (registers) and 4 (structures);
// ATA8-ACS.
//
// The host builds a command table, points slot s of the command list at it and writes 1 << s to
// kPxCi. The disk clears that bit when the command has ended, sets kPxIs and, where enabled, sends
// one message. An interrupt handler clears kPxIs first and reads kPxCi after that: in the other
// order it can miss an end.
//
// A queued (FPDMA) command in slot s has the tag s. The host writes 1 << s to kPxSact before kPxCi;
// the disk clears the bit of kPxCi when it has taken the command, and that of kPxSact when the
// command has ended, in whatever order suits it. Queued and other commands do not mix: one that
// comes while some of the other kind are outstanding ends in error.
#pragma once
#include <cstddef>
#include <cstdint>

namespace iodrome::hw::disk {

// Offsets into the register window; all 32-bit unless said otherwise.
inline constexpr std::uint64_t kGhc = 0x04;      // global control
inline constexpr std::uint64_t kPxClb = 0x100;   // 64-bit: command list, 32 headers, 1 KiB aligned
inline constexpr std::uint64_t kPxIs = 0x110;    // interrupt status; write 1 to clear
inline constexpr std::uint64_t kPxIe = 0x114;    // which status bits send messages
inline constexpr std::uint64_t kPxCmd = 0x118;   // command and status of the port
inline constexpr std::uint64_t kPxTfd = 0x120;   // task file of the last command, read-only
inline constexpr std::uint64_t kPxSact = 0x134;  // queued commands outstanding; write 1 to set
inline constexpr std::uint64_t kPxCi = 0x138;    // commands issued; write 1 to issue

// Not of AHCI: PCI configuration space and the received FIS area would hold them.
inline constexpr std::uint64_t kMsiAddress = 0x200;  // 64-bit; the message is a 32-bit write there
inline constexpr std::uint64_t kMsiData = 0x208;
inline constexpr std::uint64_t kFailed = 0x20c;  // slots that ended in error; write 1 to clear

inline constexpr std::uint64_t kWindowBytes = 0x1000;

inline constexpr std::uint32_t kGhcEnable = 1u << 31;
inline constexpr std::uint32_t kGhcInterrupts = 1u << 1;
/// Clearing it drops every command: none of them ends, and nothing of them is written any more.
inline constexpr std::uint32_t kPxCmdStart = 1u << 0;
inline constexpr std::uint32_t kPxIsDone = 1u << 0;    // a command has ended (D2H Register FIS)
inline constexpr std::uint32_t kPxIsQueued = 1u << 3;  // a queued one has (Set Device Bits FIS)
inline constexpr std::uint32_t kPxIsError = 1u << 30;  // one has ended in error
inline constexpr std::uint32_t kPxTfdReady = 0x50;
inline constexpr std::uint32_t kPxTfdError = 0x51;

inline constexpr std::uint32_t kSlots = 32;
inline constexpr std::uint32_t kSectorBytes = 512;
inline constexpr std::uint32_t kMaxSectors = 65536;

/// One of 32 entries of the command list, 32 bytes.
struct CommandHeader {
  std::uint16_t flags = 5;  // length of the command FIS in dwords; bit 6: write
  std::uint16_t scatter_entries = 0;
  std::uint32_t bytes_moved = 0;  // written by the disk
  std::uint64_t table = 0;        // 128-byte aligned
  std::uint32_t reserved[4] = {};
};
static_assert(sizeof(CommandHeader) == 32);
inline constexpr std::uint16_t kHeaderWrite = 1u << 6;

enum class AtaCommand : std::uint8_t {
  read_dma_ext = 0x25,
  write_dma_ext = 0x35,
  write_dma_fua_ext = 0x3d,
  read_fpdma_queued = 0x60,
  write_fpdma_queued = 0x61,
  flush_cache_ext = 0xea,
  identify_device = 0xec,
  set_features = 0xef,
};
constexpr bool is_queued(AtaCommand command) {
  return command == AtaCommand::read_fpdma_queued || command == AtaCommand::write_fpdma_queued;
}

// Set features, by what stands in the features field.
inline constexpr std::uint8_t kEnableWriteCache = 0x02;
inline constexpr std::uint8_t kDisableWriteCache = 0x82;  // what it holds goes to the medium first

inline constexpr std::uint8_t kDeviceFua = 1u << 7;  // of a queued write

/// The first 64 bytes of a command table: a register FIS from host to device.
struct CommandFis {
  std::uint8_t type = 0x27;
  std::uint8_t flags = 0x80;
  std::uint8_t command = 0;
  std::uint8_t features = 0;
  std::uint8_t lba_low[3] = {};
  std::uint8_t device = 0x40;
  std::uint8_t lba_high[3] = {};
  std::uint8_t features_high = 0;
  std::uint16_t count = 0;  // sectors; 0 is 65536
  std::uint8_t rest[50] = {};

  void set_sector(std::uint64_t sector) {
    for (int i = 0; i < 3; ++i) {
      lba_low[i] = static_cast<std::uint8_t>(sector >> (8 * i));
      lba_high[i] = static_cast<std::uint8_t>(sector >> (24 + 8 * i));
    }
  }
  std::uint64_t sector() const {
    std::uint64_t value = 0;
    for (int i = 2; i >= 0; --i) value = value << 8 | lba_high[i];
    for (int i = 2; i >= 0; --i) value = value << 8 | lba_low[i];
    return value;
  }
  std::uint32_t sectors() const {
    const bool queued = is_queued(static_cast<AtaCommand>(command));
    const std::uint32_t field =
        queued ? features | static_cast<std::uint32_t>(features_high) << 8 : count;
    return field == 0 ? kMaxSectors : field;
  }
  /// Makes it a queued command. Units: 65536 sectors at most.
  void set_queued(AtaCommand queued, std::uint32_t sectors, std::uint32_t tag) {
    command = static_cast<std::uint8_t>(queued);
    features = static_cast<std::uint8_t>(sectors);
    features_high = static_cast<std::uint8_t>(sectors >> 8);
    count = static_cast<std::uint16_t>(tag << 3);
  }
};
static_assert(sizeof(CommandFis) == 64);

/// The scatter list starts here in the command table.
inline constexpr std::uint64_t kScatterAt = 0x80;

/// One piece of the buffer, 16 bytes; a piece must not be empty.
struct ScatterEntry {
  std::uint64_t address = 0;
  std::uint32_t reserved = 0;
  std::uint32_t last_byte = 0;  // length - 1 in bits 21:0
};
static_assert(sizeof(ScatterEntry) == 16);

// Identify Device (512 bytes): words of 16 bits, by their byte offsets.
inline constexpr std::size_t kIdentifyQueueDepthAt = 150;  // depth - 1
inline constexpr std::size_t kIdentifySataAt = 152;        // bit 8: NCQ
inline constexpr std::size_t kIdentifySupportedAt = 164;   // bit 5: there is a write cache
inline constexpr std::size_t kIdentifyEnabledAt = 170;     // bit 5: it is on
inline constexpr std::size_t kIdentifySectorsAt = 200;     // a u64 (words 100 to 103)
inline constexpr std::uint16_t kIdentifyNcq = 1u << 8;
inline constexpr std::uint16_t kIdentifyWriteCache = 1u << 5;

}  // namespace iodrome::hw::disk
