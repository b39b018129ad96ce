// SPDX-License-Identifier: Apache-2.0
// What a driver sees of the network card: one transmit ring, one receive ring with payload buffers
// beside it, one message-signalled interrupt. The card is of no vendor; its rings and its interrupt
// follow what Linux drivers of e1000e's kind expect.
//
// Transmit: fill descriptors from the tail on, then write the new tail to kTxTail. A segment is a
// descriptor of its header (SegmentHeader), then its payload's pieces; the last one carries kTxEop.
// When a segment has left, the card writes the index of the next descriptor it will take to the
// 32-bit word at kTxHeadAddress: everything before it is free again. The ring is full at tail + 1
// == head.
//
// Receive: give buffers of kSegmentHeaderBytes, then write the new tail to kRxTail. The card fills
// the buffer at its own head, writes its length and kRxDone into the descriptor, and goes on. The
// payload of a frame that has some goes into a buffer of its own (header split): give buffers of
// kRxDataBytes in the ring at kRxDataBase, write the new tail to kRxDataTail; they are filled in
// their order, one per such frame.
//
// Interrupts, as NAPI wants them: a cause that is enabled sends one message and masks all. The
// handler's poll clears kCause, empties the rings, then writes the causes it wants to kEnable; what
// happened in between sends the next message at once. Messages keep the least interval in
// kThrottle, whose value at reset is the card's own; one that waits when it is written keeps its
// time.
#pragma once
#include <cstddef>
#include <cstdint>

namespace iodrome::hw::nic {

// Offsets into the register window; 32-bit unless said otherwise. Bases before entries before
// doorbells.
inline constexpr std::uint64_t kTxBase = 0x00;  // 64-bit
inline constexpr std::uint64_t kTxEntries = 0x08;
inline constexpr std::uint64_t kTxTail = 0x0c;         // doorbell
inline constexpr std::uint64_t kTxHeadAddress = 0x10;  // 64-bit: where the card writes its head
inline constexpr std::uint64_t kRxBase = 0x20;         // 64-bit
inline constexpr std::uint64_t kRxEntries = 0x28;
inline constexpr std::uint64_t kRxTail = 0x2c;      // doorbell
inline constexpr std::uint64_t kRxDataBase = 0x30;  // 64-bit
inline constexpr std::uint64_t kRxDataEntries = 0x38;
inline constexpr std::uint64_t kRxDataTail = 0x3c;  // doorbell
inline constexpr std::uint64_t kCause = 0x40;       // write 1 to clear
inline constexpr std::uint64_t kEnable = 0x44;  // causes that may send the next message; 0: masked
inline constexpr std::uint64_t kThrottle = 0x48;    // least time between two messages, ns
inline constexpr std::uint64_t kMsiAddress = 0x50;  // 64-bit; the message is a 32-bit write there
inline constexpr std::uint64_t kMsiData = 0x58;
inline constexpr std::uint64_t kMss = 0x60;  // read-only: payload of a full frame

inline constexpr std::uint64_t kWindowBytes = 0x1000;

inline constexpr std::uint32_t kCauseTransmitted = 1u << 0;
inline constexpr std::uint32_t kCauseReceived = 1u << 1;
inline constexpr std::uint32_t kCauseMalformed =
    1u << 2;  // a segment that breaks the rules was dropped

inline constexpr std::uint32_t kMaxEntries = 65536;
inline constexpr std::uint32_t kMaxPayload = 65536;  // of one segment, with kTxTso
inline constexpr std::uint32_t kRxDataBytes =
    4096;  // of a payload buffer, and the most a frame has

/// A transmit descriptor, 16 bytes.
struct TxDescriptor {
  std::uint64_t address = 0;
  std::uint32_t length = 0;
  std::uint32_t flags = 0;
};
static_assert(sizeof(TxDescriptor) == 16);
inline constexpr std::uint32_t kTxEop = 1u << 0;  // the segment's last descriptor
inline constexpr std::uint32_t kTxTso =
    1u << 1;  // on the header: the card cuts the payload into frames

/// A receive descriptor, 16 bytes.
struct RxDescriptor {
  std::uint64_t address = 0;
  std::uint32_t length = 0;  // written by the card
  std::uint32_t flags = 0;   // written by the card
};
static_assert(sizeof(RxDescriptor) == 16);
inline constexpr std::uint32_t kRxDone = 1u << 0;

/// A payload buffer, 8 bytes.
struct RxDataDescriptor {
  std::uint64_t address = 0;
};
static_assert(sizeof(RxDataDescriptor) == 8);

/// The header of a segment, in both directions; stands for Ethernet, IP and TCP headers.
struct SegmentHeader {
  std::uint32_t connection = 0;
  std::uint32_t payload_bytes = 0;
  std::uint64_t stream_offset =
      0;  // of the first payload byte; in an acknowledgement: all before it is taken
  // Towards the clients: of what they send, how far it has arrived and how far they may send.
  std::uint64_t acknowledged = 0;
  std::uint64_t window_end = 0;
  std::uint32_t reserved[8] = {};
};
inline constexpr std::size_t kSegmentHeaderBytes = 64;
static_assert(sizeof(SegmentHeader) == kSegmentHeaderBytes);

}  // namespace iodrome::hw::nic
