// SPDX-License-Identifier: Apache-2.0
#include "model/engine/frame_pool.h"

#include <sys/mman.h>

#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

namespace iodrome {

namespace {

// What chunks are cut from, given back when its thread ends. A small run takes small pieces of
// memory. A large one, with frames of many thousand requests, would walk the page table for nearly
// each of them: it takes pieces that one entry of the TLB can cover.
class Slabs {
 public:
  std::byte* take(std::size_t size) {
    if (left_ < size) add();
    left_ -= size;
    return slabs_.back().get() + left_;
  }

 private:
  static constexpr std::size_t kSmall = FramePool::kChunkBytes;
  static constexpr std::size_t kHuge = std::size_t{2} << 20;
  static constexpr std::size_t kSmallOnes = 8;
  static constexpr std::size_t kLine = 64;  // of a cache

  struct Free {
    void operator()(std::byte* slab) const { std::free(slab); }
  };

  void add() {
    const bool small = slabs_.size() < kSmallOnes;
    const std::size_t size = small ? kSmall : kHuge;
    std::unique_ptr<std::byte, Free> slab(
        static_cast<std::byte*>(std::aligned_alloc(small ? kLine : size, size)));
    if (slab == nullptr) throw std::bad_alloc();
    if (!small) madvise(slab.get(), size, MADV_HUGEPAGE);  // a wish: its refusal changes nothing
    slabs_.push_back(std::move(slab));
    left_ = size;
  }

  std::vector<std::unique_ptr<std::byte, Free>> slabs_;
  std::size_t left_ = 0;
};

Slabs& slabs_here() {
  static thread_local Slabs slabs;
  return slabs;
}

}  // namespace

void FramePool::refill(std::size_t slot) {
  const std::size_t size = (slot == 0 ? 1 : slot) * kGrain;
  std::byte* const base = slabs_here().take(kChunkBytes);
  for (std::size_t i = kChunkBytes / size; i-- > 0;) {
    auto* node = reinterpret_cast<Free*>(base + i * size);
    node->next = free_[slot];
    free_[slot] = node;
  }
}

}  // namespace iodrome
