// SPDX-License-Identifier: Apache-2.0
// What software sees of a data streaming accelerator as Intel's DSA: work queues, their portals,
// descriptors of 64 bytes and the records that tell their ends.
// Source: Linux include/uapi/linux/idxd.h and drivers/dma/idxd/registers.h (names, codes, layouts
// of descriptor and record; recalled, not re-read). Differs: the places of registers are this
// model's, and a configuration is one word where DSA has tables.
//
// A descriptor is submitted by one write of 64 bytes to a portal. MOVDIR64B, for dedicated queues,
// is posted: nobody hears if there was no room. ENQCMD, for shared queues, answers: Response::ok,
// or generic_error for "retry".
#pragma once
#include <cstddef>
#include <cstdint>

namespace iodrome::hw::dsa {

// Capabilities; 32-bit, read-only.
inline constexpr std::uint64_t kWorkQueues = 0x00;
inline constexpr std::uint64_t kEngines = 0x04;
inline constexpr std::uint64_t kEntries = 0x08;      // of all work queues together
inline constexpr std::uint64_t kMaxBatch = 0x0c;     // descriptors
inline constexpr std::uint64_t kMaxTransfer = 0x10;  // bytes

/// 32-bit: bit 0, the device is enabled. What it consists of is fixed from then on. Writing 0
/// drops everything.
inline constexpr std::uint64_t kControl = 0x20;
/// 32-bit, a written 1 clears its bit: bit 0, a posted descriptor found no room, or no queue.
inline constexpr std::uint64_t kSoftwareError = 0x24;

/// 32-bit, of an engine: the group it works for.
constexpr std::uint64_t engine_config(std::uint32_t engine) {
  return 0x100 + 4ull * engine;
}
/// 32-bit, of a work queue: kWq* and its fields; the device must not be enabled.
constexpr std::uint64_t queue_config(std::uint32_t queue) {
  return 0x200 + 4ull * queue;
}
/// Size in bits 7:0, threshold of the limited portal in bits 15:8, group in bits 19:16.
constexpr std::uint32_t queue_word(std::uint32_t size, std::uint32_t threshold, std::uint32_t group,
                                   bool dedicated) {
  return size | threshold << 8 | group << 16 | (dedicated ? 1u << 20 : 0);
}
inline constexpr std::uint32_t kWqDedicated = 1u << 20;

/// The message table, an entry per interrupt handle: a 64-bit address, then 32 bits of data.
constexpr std::uint64_t message_entry(std::uint32_t handle) {
  return 0x1000 + 16ull * handle;
}
inline constexpr std::uint64_t kMessageData = 8;
inline constexpr std::uint32_t kHandles = 16;

/// Where descriptors of a work queue are written. A limited portal stops at the queue's threshold.
constexpr std::uint64_t portal(std::uint32_t queue, bool limited = false) {
  return 0x1'0000 + 0x2000ull * queue + (limited ? 0x1000 : 0);
}
inline constexpr std::uint64_t kWindowBytes = 0x4'0000;

enum class Opcode : std::uint8_t {
  nop = 0x00,
  batch = 0x01,
  memmove = 0x03,
  fill = 0x04,
  compare = 0x05,
  compare_pattern = 0x06,
  dualcast = 0x09,
  crc = 0x10,
  copy_crc = 0x11,
};

inline constexpr std::uint32_t kFence = 1u << 0;  // in a batch: after everything before it
inline constexpr std::uint32_t kBlockOnFault = 1u << 1;
inline constexpr std::uint32_t kRecordValid = 1u << 2;      // the record's address is one
inline constexpr std::uint32_t kRecordRequested = 1u << 3;  // also of a success
inline constexpr std::uint32_t kInterrupt = 1u << 4;

struct Descriptor {
  std::uint32_t pasid = 0;
  std::uint32_t flags_opcode = 0;  // flags in bits 23:0, opcode in bits 31:24
  std::uint64_t record = 0;
  std::uint64_t source = 0;       // pattern of a fill; list of a batch
  std::uint64_t destination = 0;  // second source of a comparison, or its pattern
  std::uint32_t size = 0;         // bytes; descriptors of a batch
  std::uint16_t handle = 0;
  std::uint16_t reserved = 0;
  std::uint64_t extra[3] = {};  // [0]: second destination, or seed of a CRC

  Opcode opcode() const { return static_cast<Opcode>(flags_opcode >> 24); }
  void set(Opcode opcode, std::uint32_t flags) {
    flags_opcode = flags | static_cast<std::uint32_t>(opcode) << 24;
  }
};
static_assert(sizeof(Descriptor) == 64);
static_assert(offsetof(Descriptor, size) == 32 && offsetof(Descriptor, extra) == 40);

enum class Status : std::uint8_t {
  none = 0x00,  // not written yet
  success = 0x01,
  page_fault = 0x03,  // the rest, from `bytes` on, was not done
  batch_failed = 0x05,
  bad_opcode = 0x10,
  invalid_size = 0x13,
  invalid_count = 0x14,
};

/// 32 bytes, aligned to as much; the status is written last.
struct Record {
  std::uint8_t status = 0;
  std::uint8_t result = 0;  // of a comparison: 1, there is a difference, at `bytes`
  std::uint16_t reserved = 0;
  std::uint32_t bytes = 0;  // done; of a batch, descriptors that were carried out
  std::uint64_t fault_address = 0;
  std::uint64_t crc = 0;
  std::uint64_t unused = 0;
};
static_assert(sizeof(Record) == 32);

}  // namespace iodrome::hw::dsa
