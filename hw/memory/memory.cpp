// SPDX-License-Identifier: Apache-2.0
#include "hw/memory/memory.h"

#include <new>

namespace iodrome::hw {

void Memory::add_chunk() {
  chunks_.emplace_back(static_cast<std::byte*>(std::calloc(kChunkBytes, 1)));
  if (chunks_.back() == nullptr) throw std::bad_alloc();
  next_ = kBase + (chunks_.size() - 1) * kChunkBytes;
  end_ = next_ + kChunkBytes;
}

PhysAddr Memory::allocate_page() {
  ++pages_in_use_;
  if (!free_pages_.empty()) {
    const PhysAddr page = free_pages_.back();
    free_pages_.pop_back();
    return page;
  }
  if (next_ == end_) add_chunk();
  const PhysAddr page = next_;
  next_ += kPageBytes;
  return page;
}

void Memory::free_page(PhysAddr page) {
  check(pages_in_use_ > 0 && page % kPageBytes == 0, "freeing what is not a page");
  --pages_in_use_;
  free_pages_.push_back(page);
}

PhysAddr Memory::allocate_contiguous(std::size_t bytes) {
  const std::size_t size = (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
  check(size <= kChunkBytes, "contiguous allocation larger than a chunk");
  if (end_ - next_ < size) {
    for (; next_ != end_; next_ += kPageBytes) free_pages_.push_back(next_);
    add_chunk();
  }
  const PhysAddr start = next_;
  next_ += size;
  pages_in_use_ += size / kPageBytes;
  return start;
}

Response Memory::access(Command command, std::uint64_t address, std::span<std::byte> data) {
  const std::span<std::byte> target = direct(address, data.size());
  if (target.empty()) return Response::address_error;
  if (command == Command::read)
    std::memcpy(data.data(), target.data(), data.size());
  else
    std::memcpy(target.data(), data.data(), data.size());
  return Response::ok;
}

std::span<std::byte> Memory::direct(std::uint64_t address, std::size_t size) {
  const std::size_t offset = address & (kChunkBytes - 1);
  const std::size_t index = address / kChunkBytes;
  if (index == 0 || index > chunks_.size() || size == 0 || size > kChunkBytes - offset) return {};
  return {chunks_[index - 1].get() + offset, size};
}

}  // namespace iodrome::hw
