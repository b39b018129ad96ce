// SPDX-License-Identifier: Apache-2.0
// What an engine does, done by a CPU.
//
// Source: Linux crypto/async_tx/ (the synchronous paths), lib/raid6/int.uc; H. P. Anvin, "The
// mathematics of RAID-6".
#pragma once
#include <span>

#include "model/engine/parameters.h"
#include "model/kernel/dmaengine/dma_descriptor.h"

namespace iodrome::kernel {

/// Rates of what a CPU does besides copying, which goes at the machine's cold copy rate.
struct SoftwareDmaRates {
  Rate exclusive_or{};  // of source bytes read
  Rate memset{};
  Rate pq{};       // P and Q together, of source bytes read
  Rate crc32c{};   // of bytes read
  Rate encrypt{};  // AES-128, CBC
  Rate decrypt{};
  Rate hash{};  // SHA-256
};

/// Twice an element of the field of 256 elements with generator {02}, modulo
/// x^8 + x^4 + x^3 + x^2 + 1.
constexpr std::uint8_t gf_double(std::uint8_t element) {
  return static_cast<std::uint8_t>(element << 1 ^ ((element & 0x80) != 0 ? 0x1d : 0));
}

inline constexpr std::uint32_t kMaxCpuOperationBytes = 1u << 22;  // what lies in one piece

struct CpuOperation {
  DmaOp op = DmaOp::memcpy;
  hw::PhysAddr destination = 0;  // P of pq; 0: not wanted
  hw::PhysAddr q = 0;            // of pq; 0: not wanted
  std::span<const hw::PhysAddr> sources{};
  std::uint32_t bytes = 0;
  std::uint8_t value = 0;     // of memset
  bool sums_to_zero = false;  // zero_sum: the result
};

/// Carries it out in this context, for the time that it takes. It works on all sources as they are
/// when it ends: an operation may write over one of its sources.
///
/// Differs: without System::payload_checked no byte moves, and every sum is zero.
Task<void> carry_out(Atomic& ctx, const SoftwareDmaRates& rates, CpuOperation& operation);

}  // namespace iodrome::kernel
