// SPDX-License-Identifier: Apache-2.0
// What a driver sees of a virtio block device: registers, the split virtqueue in guest memory and
// the request header. Source: Virtual I/O Device specification 1.2, sections 2.7 (split
// virtqueues), 4.2 (MMIO registers) and 5.2 (block device).
//
// Differs: queue addresses are single 64-bit registers; an MSI address and data stand where PCI has
// its table; feature negotiation offers event indices and indirect descriptors, always on.
#pragma once
#include <cstddef>
#include <cstdint>

namespace iodrome::hw::virtio_blk {

inline constexpr std::uint64_t kMagic = 0x000;     // reads "virt"
inline constexpr std::uint64_t kDeviceId = 0x008;  // 2: a block device
inline constexpr std::uint64_t kQueueNumMax = 0x034;
inline constexpr std::uint64_t kQueueNum = 0x038;  // entries, a power of two
inline constexpr std::uint64_t kQueueReady = 0x044;
inline constexpr std::uint64_t kQueueNotify = 0x050;  // the doorbell
inline constexpr std::uint64_t kStatus = 0x070;       // 0 resets the device
inline constexpr std::uint64_t kQueueDesc = 0x080;    // 64-bit
inline constexpr std::uint64_t kQueueAvail = 0x090;   // 64-bit
inline constexpr std::uint64_t kQueueUsed = 0x0a0;    // 64-bit
inline constexpr std::uint64_t kCapacity = 0x100;     // 64-bit, sectors of 512 bytes
inline constexpr std::uint64_t kMsiAddress = 0x200;   // 64-bit; the message is a 32-bit write there
inline constexpr std::uint64_t kMsiData = 0x208;
inline constexpr std::uint64_t kWindowBytes = 0x1000;

inline constexpr std::uint32_t kMagicValue = 0x7472'6976;
inline constexpr std::uint32_t kBlockDevice = 2;
inline constexpr std::uint32_t kStatusDriverOk = 4;

inline constexpr std::uint16_t kDescNext = 1;
inline constexpr std::uint16_t kDescWrite = 2;  // the device writes there
inline constexpr std::uint16_t kDescIndirect = 4;

struct Descriptor {
  std::uint64_t address = 0;
  std::uint32_t bytes = 0;
  std::uint16_t flags = 0;
  std::uint16_t next = 0;
};
static_assert(sizeof(Descriptor) == 16);

/// The available ring: flags, index, one head per entry, used_event.
constexpr std::uint64_t avail_index(std::uint64_t ring) {
  return ring + 2;
}
constexpr std::uint64_t avail_entry(std::uint64_t ring, std::uint32_t slot) {
  return ring + 4 + 2ull * slot;
}
constexpr std::uint64_t used_event(std::uint64_t avail, std::uint32_t entries) {
  return avail + 4 + 2ull * entries;
}
constexpr std::uint64_t avail_bytes(std::uint32_t entries) {
  return 6 + 2ull * entries;
}

struct UsedEntry {
  std::uint32_t id = 0;     // head of the chain
  std::uint32_t bytes = 0;  // that the device has written
};
/// The used ring: flags, index, one UsedEntry per entry, avail_event.
constexpr std::uint64_t used_index(std::uint64_t ring) {
  return ring + 2;
}
constexpr std::uint64_t used_entry(std::uint64_t ring, std::uint32_t slot) {
  return ring + 4 + 8ull * slot;
}
constexpr std::uint64_t avail_event(std::uint64_t used, std::uint32_t entries) {
  return used + 4 + 8ull * entries;
}
constexpr std::uint64_t used_bytes(std::uint32_t entries) {
  return 6 + 8ull * entries;
}

/// Whether a ring that went from `before` to `now` has passed `event`: vring_need_event().
constexpr bool need_event(std::uint16_t event, std::uint16_t now, std::uint16_t before) {
  return static_cast<std::uint16_t>(now - event - 1) < static_cast<std::uint16_t>(now - before);
}

enum class RequestType : std::uint32_t { in = 0, out = 1, flush = 4, discard = 11 };

/// First part of every request; then come data, and last the status byte, which the device writes.
struct RequestHeader {
  std::uint32_t type = 0;
  std::uint32_t reserved = 0;
  std::uint64_t sector = 0;
};
static_assert(sizeof(RequestHeader) == 16);

/// The data of a discard.
struct DiscardRange {
  std::uint64_t sector = 0;
  std::uint32_t sectors = 0;
  std::uint32_t flags = 0;
};
static_assert(sizeof(DiscardRange) == 16);

enum class RequestStatus : std::uint8_t { ok = 0, io_error = 1, unsupported = 2 };

}  // namespace iodrome::hw::virtio_blk
