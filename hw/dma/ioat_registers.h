// SPDX-License-Identifier: Apache-2.0
// What a driver sees of an I/OAT copy engine: registers and descriptors of interface version 2.0.
// Source: Linux drivers/dma/ioat/registers.h and hw.h, which name the layout of Intel's QuickData
// engines; recalled, not re-read.
#pragma once
#include <cstddef>
#include <cstdint>

namespace iodrome::hw::ioat {

// General registers.
inline constexpr std::uint64_t kChanCnt = 0x00;    // 8-bit, read-only: channels
inline constexpr std::uint64_t kXferCap = 0x01;    // 8-bit, read-only: log2 of the largest copy
inline constexpr std::uint64_t kVer = 0x08;        // 8-bit, read-only
inline constexpr std::uint64_t kIntrDelay = 0x0c;  // 16-bit; bits 13:0 hold messages back, in us
inline constexpr std::uint8_t kVersion20 = 0x20;
inline constexpr std::uint16_t kIntrDelayMask = 0x3fff;

// Channel registers, from channel_base(n).
constexpr std::uint64_t channel_base(std::uint32_t channel) {
  return 0x80ull * (channel + 1);
}
inline constexpr std::uint64_t kChanCtrl = 0x00;   // 16-bit
inline constexpr std::uint64_t kChanCmd = 0x04;    // 8-bit, write-only
inline constexpr std::uint64_t kDmaCount = 0x06;   // 16-bit: descriptors given so far, modulo 2^16
inline constexpr std::uint64_t kChanSts = 0x08;    // 64-bit, read-only: last descriptor | state
inline constexpr std::uint64_t kChainAddr = 0x10;  // 64-bit: the first descriptor
inline constexpr std::uint64_t kChanCmp = 0x18;    // 64-bit: where CHANSTS is written back
inline constexpr std::uint64_t kChanErr = 0x28;    // 32-bit; a written 1 clears its bit

inline constexpr std::uint16_t kCtrlErrorInterrupt = 0x0010;
inline constexpr std::uint16_t kCtrlErrorCompletion = 0x0004;  // write CHANSTS back on an error

inline constexpr std::uint8_t kCmdReset = 0x20;  // what is in progress is dropped; DMACOUNT is 0

inline constexpr std::uint64_t kStateMask = 0x7;
enum class State : std::uint8_t { active = 0, idle = 1, suspended = 2, halted = 3 };

inline constexpr std::uint32_t kErrorSource = 1u << 0;
inline constexpr std::uint32_t kErrorDestination = 1u << 1;
inline constexpr std::uint32_t kErrorNext = 1u << 2;
inline constexpr std::uint32_t kErrorReadData = 1u << 8;
inline constexpr std::uint32_t kErrorWriteData = 1u << 9;
inline constexpr std::uint32_t kErrorControl = 1u << 10;
inline constexpr std::uint32_t kErrorLength = 1u << 11;
inline constexpr std::uint32_t kErrorCompletion = 1u << 12;

/// The MSI-X table, an entry per channel: a 64-bit address, then 32 bits of data. Its place in the
/// window is this model's; a real one is found through PCI.
inline constexpr std::uint64_t kMsixTable = 0x2000;
constexpr std::uint64_t msix_entry(std::uint32_t channel) {
  return kMsixTable + 16ull * channel;
}
inline constexpr std::uint64_t kMsixData = 8;
inline constexpr std::uint64_t kWindowBytes = 0x4000;

/// A descriptor, 64 bytes, aligned to as much.
struct Descriptor {
  std::uint32_t size = 0;
  std::uint32_t control = 0;  // bits 31:24: operation, 0 copies
  std::uint64_t source = 0;
  std::uint64_t destination = 0;
  std::uint64_t next = 0;
  std::uint64_t reserved[2] = {};
  std::uint64_t user[2] = {};
};
static_assert(sizeof(Descriptor) == 64);
static_assert(offsetof(Descriptor, source) == 8 && offsetof(Descriptor, next) == 24);

inline constexpr std::uint32_t kInterrupt = 1u << 0;        // a message when it has ended
inline constexpr std::uint32_t kCompletionWrite = 1u << 3;  // CHANSTS to memory when it has ended
inline constexpr std::uint32_t kFence = 1u << 4;            // the next one waits for its end
inline constexpr std::uint32_t kNull = 1u << 5;             // moves nothing

}  // namespace iodrome::hw::ioat
