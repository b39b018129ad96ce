// SPDX-License-Identifier: Apache-2.0
// What the block layer is asked for.
#pragma once
#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <span>

#include "model/engine/frame_pool.h"
#include "model/engine/result.h"
#include "model/kernel/cpu/context.h"

namespace iodrome::kernel {

/// What a bio asks for. A flush has no bytes; a discard has bytes and no segments.
enum class BlockOp : std::uint8_t { read, write, flush, discard };

/// Whether it moves bytes and may be merged and sorted.
constexpr bool transfers(BlockOp op) {
  return op == BlockOp::read || op == BlockOp::write;
}

/// A piece of memory that a bio reads into or writes from.
struct BioSegment {
  hw::PhysAddr address;
  std::uint32_t bytes;
};

/// One transfer between contiguous blocks and memory. It lives until end_io has run.
struct Bio {
  BlockOp op = BlockOp::read;
  bool fua = false;          // a write that ends only when its bytes survive a loss of power
  bool polled = false;       // REQ_POLLED: no interrupt will tell its end; see PollQueue
  std::uint32_t queue = 0;   // the hardware queue it goes to; the block layer's, unless polled
  std::uint64_t sector = 0;  // of 512 bytes
  std::uint32_t bytes = 0;
  Errno status = Errno::ok;  // EIO; EOPNOTSUPP for what the device cannot do
  boost::container::small_vector<BioSegment, 1, PoolAllocator<BioSegment>> segments;
  events::StageLedger* ledger = nullptr;  // the request whose time this is, if any
  Bio* next = nullptr;                    // behind it, in its request or among those that wait
  /// Who may be put to sleep until there is a request for it: the context that submits it, or
  /// nobody.
  Sleepable* submitter = nullptr;
  /// Called once, in the driver's completion context. It must not sleep.
  Task<void> (*end_io)(Atomic& ctx, Bio& bio) = nullptr;

  std::uint64_t end_sector() const { return sector + bytes / 512; }

  /// Appends `length` bytes that stand at `from` of a stretch of memory given by its pages.
  void add_memory(std::span<const hw::PhysAddr> pages, std::uint64_t from, std::uint64_t length) {
    for (const std::uint64_t end = from + length; from < end;) {
      const std::uint64_t piece = std::min(hw::kPageBytes - from % hw::kPageBytes, end - from);
      segments.push_back({pages[from / hw::kPageBytes] + from % hw::kPageBytes,
                          static_cast<std::uint32_t>(piece)});
      from += piece;
    }
  }
};

class BlockDevice;

/// Where whoever started polled bios looks for their ends; nowhere if the device has no such queue:
/// then interrupts tell them.
struct PollQueue {
  BlockDevice* device = nullptr;
  std::uint32_t queue = 0;
};

/// Bios one behind the other.
class BioList {
 public:
  bool empty() const { return first_ == nullptr; }
  std::size_t size() const { return size_; }
  void push_back(Bio& bio) {
    bio.next = nullptr;
    (first_ == nullptr ? first_ : last_->next) = &bio;
    last_ = &bio;
    ++size_;
  }
  Bio& front() const { return *first_; }
  Bio& pop_front() {
    Bio& bio = *first_;
    first_ = bio.next;
    --size_;
    return bio;
  }

 private:
  Bio* first_ = nullptr;
  Bio* last_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace iodrome::kernel
