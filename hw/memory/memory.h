// SPDX-License-Identifier: Apache-2.0
// The machine's physical memory: real bytes, allocated in pages when first asked for.
#pragma once
#include <memory>
#include <vector>

#include "hw/ports.h"

namespace iodrome::hw {

inline constexpr std::size_t kPageBytes = 4096;

/// Physical memory with a page allocator.
///
/// Differs: pages are backed when they are first written, so a machine's size costs the host
/// nothing; and a page that was written unseen is not backed at all until somebody may change it.
class Memory final : public Target {
 public:
  /// No access crosses a multiple of it.
  static constexpr std::uint64_t kBoundary = std::uint64_t{1} << 22;

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
    back(address, size);
    return {chunk(address) + (address & (kChunkBytes - 1)), size};
  }
  template <class T>
  T& at(PhysAddr address) {
    return *reinterpret_cast<T*>(bytes(address, sizeof(T)).data());
  }

  Response access(Command command, std::uint64_t address, std::span<std::byte> data) override;
  std::span<std::byte> direct(std::uint64_t address, std::size_t size) override;
  std::span<const std::byte> view(std::uint64_t address, std::span<std::byte> scratch) override;
  /// Whole pages, and of one source only.
  bool write_unseen(std::uint64_t address, std::size_t size, const Reproducible& source,
                    std::uint64_t offset) override;
  std::size_t pages_in_use() const { return pages_in_use_; }

 private:
  static constexpr std::size_t kChunkBytes = kBoundary;
  static constexpr PhysAddr kBase = kChunkBytes;  // address 0 is never handed out

  std::byte* chunk(PhysAddr address) {
    const std::size_t index = address / kChunkBytes - 1;
    check(index < chunks_.size(), "physical address outside memory");
    return chunks_[index].get();
  }
  void add_chunk();
  bool holds(std::uint64_t address, std::size_t size) const;
  /// The place in `unseen_` of the page that holds an address of an allocation.
  static std::size_t page_of(PhysAddr address) { return (address - kBase) / kPageBytes; }
  bool any_unseen(PhysAddr address, std::size_t size) const {
    for (std::size_t page = page_of(address); page <= page_of(address + size - 1); ++page)
      if (page < unseen_.size() && unseen_[page] != kSeen) return true;
    return false;
  }
  void back(PhysAddr address, std::size_t size) {
    if (any_unseen(address, size)) make_pages(address, size);
  }
  void make_pages(PhysAddr address, std::size_t size);

  struct Unmap {
    void operator()(std::byte* chunk) const;
  };
  std::vector<std::unique_ptr<std::byte[], Unmap>> chunks_;
  std::vector<PhysAddr> free_pages_;
  static constexpr std::uint64_t kSeen = ~std::uint64_t{0};
  const Reproducible* source_ = nullptr;
  std::vector<std::uint64_t> unseen_;  // by page: where its bytes stand at the source, or kSeen
  PhysAddr next_ = 0;
  PhysAddr end_ = 0;
  std::size_t pages_in_use_ = 0;
};

}  // namespace iodrome::hw
