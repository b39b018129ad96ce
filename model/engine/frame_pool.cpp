// SPDX-License-Identifier: Apache-2.0
#include "model/engine/frame_pool.h"

#include <memory>
#include <vector>

namespace iodrome {

namespace {
// Gives the chunks back when their thread ends.
std::vector<std::unique_ptr<std::byte[]>>& chunks_here() {
  static thread_local std::vector<std::unique_ptr<std::byte[]>> chunks;
  return chunks;
}
}  // namespace

void FramePool::refill(std::size_t slot) {
  const std::size_t size = (slot == 0 ? 1 : slot) * kGrain;
  const std::size_t count = kChunkBytes / size;
  auto& chunks = chunks_here();
  chunks.push_back(std::make_unique_for_overwrite<std::byte[]>(size * count));
  std::byte* base = chunks.back().get();
  for (std::size_t i = count; i-- > 0;) {
    auto* node = reinterpret_cast<Free*>(base + i * size);
    node->next = free_[slot];
    free_[slot] = node;
  }
}

}  // namespace iodrome
