// SPDX-License-Identifier: Apache-2.0
#include "hw/memory/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>
#include <utility>

namespace iodrome::hw {

namespace {
constexpr std::size_t kSmallMachine = 2;  // chunks
}

// Zeros from the system, which costs what is touched; calloc() clears all of a chunk it had before.
void Memory::add_chunk() {
  void* const chunk =
      mmap(nullptr, kChunkBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (chunk == MAP_FAILED) throw std::bad_alloc();
  // A large machine's queues lie on many pages, each used a little: a wish, whose refusal changes
  // nothing.
  if (chunks_.size() >= kSmallMachine) madvise(chunk, kChunkBytes, MADV_HUGEPAGE);
  chunks_.emplace_back(static_cast<std::byte*>(chunk));
  next_ = kBase + (chunks_.size() - 1) * kChunkBytes;
  end_ = next_ + kChunkBytes;
}

void Memory::Unmap::operator()(std::byte* chunk) const {
  munmap(chunk, kChunkBytes);
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
  if (command == Command::read) {
    const std::span<const std::byte> source = view(address, data);
    if (source.empty()) return Response::address_error;
    if (source.data() != data.data()) std::memcpy(data.data(), source.data(), data.size());
  } else {
    const std::span<std::byte> target = direct(address, data.size());
    if (target.empty()) return Response::address_error;
    std::memcpy(target.data(), data.data(), data.size());
  }
  return Response::ok;
}

bool Memory::holds(std::uint64_t address, std::size_t size) const {
  const std::size_t offset = address & (kChunkBytes - 1);
  const std::size_t index = address / kChunkBytes;
  return index != 0 && index <= chunks_.size() && size != 0 && size <= kChunkBytes - offset;
}

std::span<std::byte> Memory::direct(std::uint64_t address, std::size_t size) {
  if (!holds(address, size)) return {};
  return bytes(address, size);
}

std::span<const std::byte> Memory::view(std::uint64_t address, std::span<std::byte> scratch) {
  if (!holds(address, scratch.size())) return {};
  if (!any_unseen(address, scratch.size())) return bytes(address, scratch.size());
  for (std::size_t done = 0; done < scratch.size();) {
    const PhysAddr at = address + done;
    const std::size_t inside = at % kPageBytes;
    const std::span<std::byte> to =
        scratch.subspan(done, std::min(kPageBytes - inside, scratch.size() - done));
    if (any_unseen(at, 1))
      source_->make_again(unseen_[page_of(at)] + inside, to);
    else
      std::ranges::copy(bytes(at, to.size()), to.begin());
    done += to.size();
  }
  return scratch;
}

bool Memory::write_unseen(std::uint64_t address, std::size_t size, const Reproducible& source,
                          std::uint64_t offset) {
  if (!holds(address, size) || address % kPageBytes != 0 || size % kPageBytes != 0) return false;
  if (source_ != nullptr && source_ != &source) return false;
  source_ = &source;
  unseen_.resize(chunks_.size() * (kChunkBytes / kPageBytes), kSeen);
  for (std::size_t done = 0; done < size; done += kPageBytes)
    unseen_[page_of(address + done)] = offset + done;
  return true;
}

void Memory::make_pages(PhysAddr address, std::size_t size) {
  for (std::size_t page = page_of(address); page <= page_of(address + size - 1); ++page) {
    const std::uint64_t offset = std::exchange(unseen_[page], kSeen);
    if (offset == kSeen) continue;
    const PhysAddr start = kBase + page * kPageBytes;
    source_->make_again(offset, {chunk(start) + (start & (kChunkBytes - 1)), kPageBytes});
  }
}

}  // namespace iodrome::hw
