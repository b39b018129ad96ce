// SPDX-License-Identifier: Apache-2.0
// What a driver sees of an ADMA engine as in Intel's IOP storage processors: channels that follow
// chains of descriptors, which a host lengthens while they run.
// Source: Linux drivers/dma/iop-adma.c and arch/arm/mach-iop13xx/include/mach/adma.h, whose names
// these are; recalled, not re-read. Differs: addresses have 64 bits throughout, so the descriptor
// is laid out anew; one message per channel stands for its three interrupt lines.
//
// To append, a host writes the new descriptor's address into the last one's `next` and then sets
// kControlResume: a channel that has come to the end of its chain reads that word again, at once if
// it is idle. Without the bit it may have read the word too early.
#pragma once
#include <cstddef>
#include <cstdint>

namespace iodrome::hw::adma {

inline constexpr std::uint64_t kChannels = 0x00;     // 32-bit, read-only
inline constexpr std::uint64_t kMaxTransfer = 0x04;  // 32-bit, read-only: bytes of one descriptor
inline constexpr std::uint64_t kMaxSources = 0x08;   // 32-bit, read-only

// Channel registers, from channel_base(n).
constexpr std::uint64_t channel_base(std::uint32_t channel) {
  return 0x200ull * (channel + 1);
}
inline constexpr std::uint64_t kControl = 0x00;  // 32-bit: ACCR
inline constexpr std::uint64_t kStatus = 0x04;   // 32-bit: ACSR; a written 1 clears its bit
inline constexpr std::uint64_t kCurrent = 0x08;  // 64-bit, read-only: ADAR, the descriptor at work
inline constexpr std::uint64_t kNext = 0x10;     // 64-bit: ANDAR, where an idle channel begins
// Not of ADMA: where its message goes.
inline constexpr std::uint64_t kMessageAddress = 0x18;  // 64-bit
inline constexpr std::uint64_t kMessageData = 0x20;     // 32-bit

inline constexpr std::uint32_t kControlEnable = 1u << 0;  // cleared, the chain is dropped
inline constexpr std::uint32_t kControlResume = 1u << 1;  // set by the host, cleared by the channel

inline constexpr std::uint32_t kStatusError = 1u << 5;  // a bus error: the channel has halted
inline constexpr std::uint32_t kStatusEndOfChain = 1u << 11;
inline constexpr std::uint32_t kStatusEndOfTransfer = 1u << 12;  // of a descriptor that asked
inline constexpr std::uint32_t kStatusBusy = 1u << 13;           // read-only
inline constexpr std::uint32_t kStatusEvents =
    kStatusError | kStatusEndOfChain | kStatusEndOfTransfer;

inline constexpr std::uint64_t kWindowBytes = 0x2000;

inline constexpr std::size_t kSources = 16;

/// A descriptor, 160 bytes, aligned to 32.
struct Descriptor {
  std::uint64_t next = 0;  // 0 ends the chain
  std::uint32_t control = 0;
  std::uint32_t count = 0;  // bytes in bits 23:0, 0 moves nothing; the channel adds bits 31:30
  std::uint64_t destination = 0;
  std::uint32_t fill = 0;  // of a block fill: four bytes, over and over
  std::uint32_t reserved = 0;
  std::uint64_t sources[kSources] = {};
};
static_assert(sizeof(Descriptor) == 160);

inline constexpr std::uint32_t kInterrupt = 1u << 0;  // tell its end
constexpr std::uint32_t source_select(std::uint32_t sources) {
  return (sources - 1) << 3;  // bits 6:3
}
constexpr std::uint32_t sources_of(std::uint32_t control) {
  return (control >> 3 & 0xf) + 1;
}
inline constexpr std::uint32_t kZeroResult = 1u << 7;  // only ask whether the sources sum to zero
inline constexpr std::uint32_t kBlockFill = 1u << 8;
inline constexpr std::uint32_t kStatusWriteBack = 1u << 12;

inline constexpr std::uint32_t kCountMask = 0xff'ffff;
inline constexpr std::uint32_t kComplete = 1u << 30;         // written back
inline constexpr std::uint32_t kZeroResultError = 1u << 31;  // they do not

}  // namespace iodrome::hw::adma
