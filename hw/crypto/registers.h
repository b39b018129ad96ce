// SPDX-License-Identifier: Apache-2.0
// What a driver sees of the crypto engine: queues, each a ring of descriptors in host memory. The
// layout is this model's own.
//
// The host fills descriptors and writes to kTail how many it has given since the queue was enabled.
// The engine writes a descriptor's result, and last its status, and sends the queue's message if
// the descriptor asks for it.
#pragma once
#include <cstddef>
#include <cstdint>

namespace iodrome::hw::crypto {

inline constexpr std::uint64_t kQueues = 0x00;    // 32-bit, read-only
inline constexpr std::uint64_t kMaxBytes = 0x04;  // 32-bit, read-only: of a descriptor

// Queue registers, from queue_base(n).
constexpr std::uint64_t queue_base(std::uint32_t queue) {
  return 0x100ull * (queue + 1);
}
inline constexpr std::uint64_t kRing = 0x00;     // 64-bit
inline constexpr std::uint64_t kEntries = 0x08;  // 32-bit
/// 32-bit: 1 enables, 0 drops what is given and starts anew.
inline constexpr std::uint64_t kControl = 0x0c;
inline constexpr std::uint64_t kTail = 0x10;            // 32-bit, modulo 2^32
inline constexpr std::uint64_t kMessageAddress = 0x18;  // 64-bit
inline constexpr std::uint64_t kMessageData = 0x20;     // 32-bit

inline constexpr std::uint64_t kWindowBytes = 0x2000;

enum class Operation : std::uint32_t {
  aes_cbc_encrypt = 1,
  aes_cbc_decrypt = 2,
  sha256 = 3,
  crc32c = 4,
};

enum class Status : std::uint32_t {
  none = 0,
  done = 1,
  refused = 2,  // an operation or a size that there is not
  failed = 3,   // the engine or memory; nothing was written
};

struct Descriptor {
  Operation operation = Operation::aes_cbc_encrypt;
  std::uint32_t bytes = 0;  // of a cipher: whole blocks of 16
  std::uint64_t source = 0;
  std::uint64_t destination = 0;  // of a cipher
  std::uint32_t interrupt = 0;
  Status status = Status::none;
  std::uint8_t key[16] = {};
  std::uint8_t iv[16] = {};
  std::uint8_t result[32] = {};  // a digest; or a CRC, little-endian, in the first four
  std::uint64_t user[4] = {};    // the host's own
};
static_assert(sizeof(Descriptor) == 128);

}  // namespace iodrome::hw::crypto
