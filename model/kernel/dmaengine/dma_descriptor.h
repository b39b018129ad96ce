// SPDX-License-Identifier: Apache-2.0
// An operation of a DMA channel, from its preparation until it is recycled.
#pragma once
#include <array>
#include <boost/intrusive/list.hpp>
#include <initializer_list>

#include "model/engine/result.h"
#include "model/kernel/cpu/context.h"

namespace iodrome::kernel {

class DmaChannel;

/// What a channel can do; a channel's capabilities are a set of them.
enum class DmaOp : std::uint8_t { memcpy, exclusive_or, zero_sum, memset, interrupt, pq };

constexpr std::uint32_t dma_capability(DmaOp op) {
  return 1u << static_cast<unsigned>(op);
}
constexpr std::uint32_t dma_capabilities(std::initializer_list<DmaOp> ops) {
  std::uint32_t all = 0;
  for (const DmaOp op : ops) all |= dma_capability(op);
  return all;
}

/// Positive and increasing per channel; after the largest comes 1 again.
using DmaCookie = std::int32_t;
inline constexpr DmaCookie kFirstCookie = 1;
inline constexpr DmaCookie kNoCookie = 0;      // not submitted
inline constexpr DmaCookie kHeldCookie = -16;  // submitted, but what it depends on has not ended

enum class DmaStatus : std::uint8_t { complete, in_progress, error };

/// enum sum_check_flags: what a check has found; 0 is nothing wrong.
inline constexpr std::uint32_t kSumCheckP = 1u << 0;

inline constexpr std::size_t kDmaSources = 32;

/// Source: Linux struct dma_async_tx_descriptor. It belongs to its channel, which takes it back
/// when it has ended and was acknowledged.
struct DmaDescriptor : boost::intrusive::list_base_hook<> {
  using Callback = Task<void> (*)(Atomic& ctx, DmaDescriptor& self);

  DmaChannel* channel = nullptr;
  DmaOp op = DmaOp::memcpy;
  hw::PhysAddr destination = 0;  // of pq: P; 0 is not wanted
  hw::PhysAddr q = 0;            // of pq
  std::array<hw::PhysAddr, kDmaSources> sources{};
  std::uint32_t source_count = 0;
  std::uint32_t bytes = 0;
  std::uint8_t value = 0;  // of memset

  DmaCookie cookie = kNoCookie;
  bool interrupt = true;  // DMA_PREP_INTERRUPT; without it somebody else's end, or a poll, finds it
  bool acked = true;      // DMA_CTRL_ACK; without it the owner calls acknowledge() once
  bool ended = false;
  bool called = false;              // its callback has returned
  Errno error = Errno::ok;          // EIO: the hardware failed, or what it depends on did;
                                    // EFAULT: a page was missing
  bool sums_to_zero = false;        // zero_sum: the result
  std::uint32_t* result = nullptr;  // zero_sum: where it goes as well, as a SumCheck
  /// Runs when it has ended: in a tasklet, or in the submitter's context if a CPU did the work.
  /// It must not submit to a channel; what depends on it does so by itself.
  Callback callback = nullptr;
  void* argument = nullptr;

  DmaDescriptor* parent = nullptr;  // what it depends on, until that has ended
  DmaDescriptor* child = nullptr;   // what depends on it; at most one, as in Linux since 2008

  std::uint32_t slot = 0;  // the driver's
};

}  // namespace iodrome::kernel
