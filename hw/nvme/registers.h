// SPDX-License-Identifier: Apache-2.0
// What a driver sees of an NVMe controller: register offsets, queue entries, opcodes and status
// codes. Source: NVM Express Base Specification 1.4, sections 3 (registers), 4 (entries), 5 and 6
// (commands).
#pragma once
#include <cstddef>
#include <cstdint>

namespace iodrome::hw::nvme {

// Controller registers; offsets into the register window. 64-bit ones take 64-bit accesses only.
inline constexpr std::uint64_t kCap = 0x00;   // 64-bit capabilities, read-only
inline constexpr std::uint64_t kVs = 0x08;    // version, read-only: 1.4.0
inline constexpr std::uint64_t kCc = 0x14;    // controller configuration
inline constexpr std::uint64_t kCsts = 0x1c;  // controller status, read-only
inline constexpr std::uint64_t kAqa =
    0x24;  // admin queue sizes, 0's based: CQ in 27:16, SQ in 11:0
inline constexpr std::uint64_t kAsq = 0x28;  // 64-bit address of the admin submission queue
inline constexpr std::uint64_t kAcq = 0x30;  // 64-bit address of the admin completion queue

inline constexpr std::uint32_t kVersion14 = 0x0001'0400;

inline constexpr std::uint32_t kCcEnable = 1u << 0;
inline constexpr std::uint32_t kCcShutdownMask = 3u << 14;
inline constexpr std::uint32_t kCstsReady = 1u << 0;
inline constexpr std::uint32_t kCstsFatal = 1u << 1;
inline constexpr std::uint32_t kCstsShutdownDone = 2u << 2;

/// Most entries a queue may have, from CAP (0's based in bits 15:0).
constexpr std::uint32_t max_queue_entries(std::uint64_t cap) {
  return static_cast<std::uint32_t>(cap & 0xffff) + 1;
}

/// The longest time from CC.EN to CSTS.RDY, in units of 500 ms, from CAP.TO (bits 31:24).
constexpr std::uint32_t timeout_units(std::uint64_t cap) {
  return static_cast<std::uint32_t>(cap >> 24 & 0xff);
}

// Doorbells, 32-bit, write-only, stride 4 (CAP.DSTRD = 0). Queue 0 is the admin queue.
inline constexpr std::uint64_t kDoorbells = 0x1000;
constexpr std::uint64_t sq_tail_doorbell(std::uint32_t queue) {
  return kDoorbells + 8ull * queue;
}
constexpr std::uint64_t cq_head_doorbell(std::uint32_t queue) {
  return kDoorbells + 8ull * queue + 4;
}

/// The MSI-X table, as PCI has it: an entry per vector. A vector's message is a 32-bit write of
/// `data` to `address` through the interrupt port. After power-on entry v holds address 4 v and
/// data v.
inline constexpr std::uint64_t kMsixTable = 0x4000;
inline constexpr std::uint64_t kMsixEntryBytes = 16;
inline constexpr std::uint64_t kMsixAddress = 0;   // 64-bit
inline constexpr std::uint64_t kMsixData = 8;      // 32-bit
inline constexpr std::uint64_t kMsixControl = 12;  // 32-bit; bit 0 masks the vector, messages wait
constexpr std::uint64_t msix_entry(std::uint32_t vector) {
  return kMsixTable + kMsixEntryBytes * vector;
}
inline constexpr std::uint64_t kWindowBytes = 0x8000;  // the whole register window

inline constexpr std::uint32_t kPageBytes = 4096;  // host page of PRP entries (CC.MPS = 0)

enum class AdminOpcode : std::uint8_t {
  delete_io_sq = 0x00,
  create_io_sq = 0x01,
  delete_io_cq = 0x04,
  create_io_cq = 0x05,
  identify = 0x06,
  abort = 0x08,
  set_features = 0x09,
};

enum class IoOpcode : std::uint8_t {
  flush = 0x00,
  write = 0x01,
  read = 0x02,
  write_zeroes = 0x08,
  dataset_management = 0x09,
};

inline constexpr std::uint32_t kForceUnitAccess = 1u << 30;  // CDW12 of a write
inline constexpr std::uint32_t kDeallocate = 1u << 2;        // CDW11 of Dataset Management

/// One of up to 256 ranges of Dataset Management; their number, 0's based, is in CDW10.
struct DatasetRange {
  std::uint32_t attributes = 0;
  std::uint32_t blocks = 0;
  std::uint64_t first_block = 0;
};
static_assert(sizeof(DatasetRange) == 16);

inline constexpr std::uint32_t kFeatureNumberOfQueues = 0x07;  // CDW10 of Set Features
/// CDW11: completions per interrupt, 0's based, in 7:0; longest wait in units of 100 us in 15:8.
/// Either of them 0 is no coalescing. Differs: it covers all I/O queues and never the admin queue.
inline constexpr std::uint32_t kFeatureInterruptCoalescing = 0x08;
/// Result of Abort: bit 0 is set if the command was not aborted.
inline constexpr std::uint32_t kNotAborted = 1;
inline constexpr std::uint32_t kIdentifyNamespace = 0x00;  // CDW10 (CNS) of Identify
inline constexpr std::uint32_t kIdentifyController = 0x01;

/// A submission queue entry, 64 bytes. Little-endian, as the host.
///
/// I/O: cdw10/11 = first logical block, cdw12 bits 15:0 = number of blocks, 0's based.
/// Create I/O SQ, CQ: cdw10 = (entries - 1) << 16 | queue; CQ: cdw11 = vector << 16 | interrupts
/// enabled
/// << 1 | 1; SQ: cdw11 = completion queue << 16 | 1. Bit 0: the queue is physically contiguous, as
/// all are.
struct SubmissionEntry {
  std::uint8_t opcode = 0;
  std::uint8_t flags = 0;
  std::uint16_t command_id = 0;
  std::uint32_t namespace_id = 0;
  std::uint32_t cdw2 = 0;
  std::uint32_t cdw3 = 0;
  std::uint64_t metadata = 0;
  std::uint64_t prp1 = 0;  // first page of the buffer, may start inside the page
  std::uint64_t prp2 = 0;  // second page, or a list of 8-byte page addresses when there are more
  std::uint32_t cdw10 = 0;
  std::uint32_t cdw11 = 0;
  std::uint32_t cdw12 = 0;
  std::uint32_t cdw13 = 0;
  std::uint32_t cdw14 = 0;
  std::uint32_t cdw15 = 0;

  std::uint64_t first_block() const { return cdw10 | (static_cast<std::uint64_t>(cdw11) << 32); }
  void set_first_block(std::uint64_t block) {
    cdw10 = static_cast<std::uint32_t>(block);
    cdw11 = static_cast<std::uint32_t>(block >> 32);
  }
  std::uint32_t blocks() const { return (cdw12 & 0xffff) + 1; }
};
static_assert(sizeof(SubmissionEntry) == 64);
static_assert(offsetof(SubmissionEntry, prp1) == 24 && offsetof(SubmissionEntry, cdw10) == 40);

/// A completion queue entry, 16 bytes.
struct CompletionEntry {
  std::uint32_t result = 0;
  std::uint32_t reserved = 0;
  std::uint16_t sq_head = 0;  // the submission queue's entries before this one are free again
  std::uint16_t sq_id = 0;
  std::uint16_t command_id = 0;
  std::uint16_t status = 0;  // bit 0: phase; bits 15:1: status

  /// Flips with every pass over the ring; the first pass writes 1 into zeroed memory.
  bool phase() const { return (status & 1) != 0; }
  /// Status code type << 8 | status code; compare with Status.
  std::uint16_t code() const { return (status >> 1) & 0x7ff; }
  /// Set where trying again cannot help.
  bool do_not_retry() const { return (status & 0x8000) != 0; }
};
static_assert(sizeof(CompletionEntry) == 16);

/// Status code type in bits 10:8 (0 generic, 1 command specific, 2 media), status code in bits 7:0.
enum class Status : std::uint16_t {
  success = 0x000,
  invalid_opcode = 0x001,
  invalid_field = 0x002,
  data_transfer_error = 0x004,
  abort_requested = 0x007,
  invalid_namespace = 0x00b,
  invalid_prp_offset = 0x013,
  lba_out_of_range = 0x080,
  invalid_completion_queue = 0x100,
  invalid_queue_id = 0x101,
  invalid_queue_size = 0x102,
  abort_limit_exceeded = 0x103,
  invalid_vector = 0x108,
  invalid_queue_deletion = 0x10c,
  write_fault = 0x280,
  unrecovered_read_error = 0x281,
};

/// Identify Namespace, the fields that are filled (of 4096 bytes).
inline constexpr std::size_t kNamespaceSizeAt = 0;  // u64, logical blocks
inline constexpr std::size_t kLbaFormat0At = 128;   // u32; bits 23:16 = log2 of the block size
/// Identify Controller, likewise.
inline constexpr std::size_t kMaxTransferAt = 77;        // u8, log2 in 4 KiB pages; 0: no limit
inline constexpr std::size_t kAbortLimitAt = 258;        // u8, ACL, 0's based
inline constexpr std::size_t kNamespaceCountAt = 516;    // u32
inline constexpr std::size_t kOptionalCommandsAt = 520;  // u16; bit 2: datasets, 3: write zeroes
inline constexpr std::size_t kVolatileCacheAt = 525;     // u8; bit 0: there is one to flush

}  // namespace iodrome::hw::nvme
