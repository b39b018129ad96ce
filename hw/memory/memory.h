// SPDX-License-Identifier: Apache-2.0
// The machine's physical memory: real bytes, allocated in pages when first asked for.
#pragma once
#include <cstdlib>
#include <memory>
#include <vector>

#include "hw/ports.h"

namespace iodrome::hw {

inline constexpr std::size_t kPageBytes = 4096;

/// Physical memory with a page allocator.
///
/// Differs: pages are backed on first allocation, so a machine's size costs the host nothing.
class Memory final : public Target {
 public:
  Memory() = default;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  /// Takes one 4 KiB page; its content is whatever it last held.
  PhysAddr allocate_page();
  void free_page(PhysAddr page);
  /// Takes physically contiguous, zeroed memory for queues and rings; kept until the machine ends.
  PhysAddr allocate_contiguous(std::size_t bytes);

  /// The bytes at [address, address + size); the range must lie in one allocation.
  std::span<std::byte> bytes(PhysAddr address, std::size_t size) {
    return {chunk(address) + (address & (kChunkBytes - 1)), size};
  }
  template <class T>
  T& at(PhysAddr address) {
    return *reinterpret_cast<T*>(bytes(address, sizeof(T)).data());
  }

  Response access(Command command, std::uint64_t address, std::span<std::byte> data) override;
  std::span<std::byte> direct(std::uint64_t address, std::size_t size) override;
  std::size_t pages_in_use() const { return pages_in_use_; }

 private:
  static constexpr std::size_t kChunkBytes = std::size_t{1} << 22;
  static constexpr PhysAddr kBase = kChunkBytes;  // address 0 is never handed out

  std::byte* chunk(PhysAddr address) {
    const std::size_t index = address / kChunkBytes - 1;
    check(index < chunks_.size(), "physical address outside memory");
    return chunks_[index].get();
  }
  void add_chunk();

  // From calloc, which leaves untouched memory to the host.
  struct Free {
    void operator()(std::byte* chunk) const { std::free(chunk); }
  };
  std::vector<std::unique_ptr<std::byte[], Free>> chunks_;
  std::vector<PhysAddr> free_pages_;
  PhysAddr next_ = 0;
  PhysAddr end_ = 0;
  std::size_t pages_in_use_ = 0;
};

}  // namespace iodrome::hw
