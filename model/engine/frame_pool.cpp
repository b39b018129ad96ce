// SPDX-License-Identifier: Apache-2.0
#include "model/engine/frame_pool.h"

namespace iodrome {

FramePool& FramePool::here() {
  // The one thread-local of the engine: an allocator's cache, which no result can see.
  static thread_local FramePool pool;
  return pool;
}

void FramePool::refill(std::size_t slot) {
  const std::size_t size = (slot == 0 ? 1 : slot) * kGrain;
  const std::size_t count = kChunkBytes / size;
  chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(size * count));
  std::byte* base = chunks_.back().get();
  for (std::size_t i = count; i-- > 0;) {
    auto* node = reinterpret_cast<Free*>(base + i * size);
    node->next = free_[slot];
    free_[slot] = node;
  }
}

}  // namespace iodrome
