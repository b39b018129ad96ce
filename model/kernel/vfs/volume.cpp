// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/vfs/volume.h"

#include <algorithm>

#include "model/kernel/vfs/file_content.h"

namespace iodrome::kernel {

Errno Volume::add(Inode& inode) {
  const std::uint64_t extent = (inode.size_bytes + kBlock - 1) / kBlock * kBlock;
  if (extent > device_bytes_ || next_byte_ + kBlock > device_bytes_ - extent) return Errno::enospc;
  inode.volume = this;
  inode.metadata_sector = next_byte_ / 512;
  inode.first_sector = (next_byte_ + kBlock) / 512;
  inode.first_blocks = extent / kBlock;
  laid_out_.push_back({next_byte_, inode.size_bytes, inode.number});
  next_byte_ += kBlock + extent;
  return Errno::ok;
}

void Volume::read(std::uint64_t byte_offset, std::span<std::byte> to) {
  while (!to.empty()) {
    const std::size_t part = std::min<std::size_t>(kBlock - byte_offset % kBlock, to.size());
    read_block(byte_offset, to.first(part));
    byte_offset += part;
    to = to.subspan(part);
  }
}

void Volume::read_block(std::uint64_t byte_offset, std::span<std::byte> to) const {
  const auto overlay = written_.find(byte_offset / kBlock);
  if (overlay != written_.end()) {
    std::memcpy(to.data(), overlay->second.data() + byte_offset % kBlock, to.size());
    return;
  }
  original_block(byte_offset, to);
}

const hw::Reproducible* Volume::reproducible(std::uint64_t byte_offset, std::size_t size) const {
  const auto written = written_.lower_bound(byte_offset / kBlock);
  const bool untouched = written == written_.end() || written->first * kBlock >= byte_offset + size;
  return untouched ? this : nullptr;
}

void Volume::make_again(std::uint64_t byte_offset, std::span<std::byte> to) const {
  while (!to.empty()) {
    const std::size_t part = std::min<std::size_t>(kBlock - byte_offset % kBlock, to.size());
    original_block(byte_offset, to.first(part));
    byte_offset += part;
    to = to.subspan(part);
  }
}

// What stands in a block before anybody has written there.
void Volume::original_block(std::uint64_t byte_offset, std::span<std::byte> to) const {
  const auto after =
      std::upper_bound(laid_out_.begin(), laid_out_.end(), byte_offset,
                       [](std::uint64_t at, const LaidOut& file) { return at < file.start; });
  if (after == laid_out_.begin()) {
    std::fill(to.begin(), to.end(), std::byte{0});
    return;
  }
  const LaidOut& file = *std::prev(after);
  const std::uint64_t start = file.start + kBlock;
  // The inode's own block reads as inode 0's content, so that it cannot pass for file data.
  if (byte_offset < start) return fill_content(0, byte_offset, to);
  const std::uint64_t at = byte_offset - start;
  const std::size_t inside =
      at >= file.size_bytes ? 0 : std::min<std::uint64_t>(to.size(), file.size_bytes - at);
  fill_content(file.inode, at, to.first(inside));
  std::fill(to.begin() + static_cast<std::ptrdiff_t>(inside), to.end(), std::byte{0});
}

void Volume::write(std::uint64_t byte_offset, std::span<const std::byte> from) {
  while (!from.empty()) {
    const std::uint64_t block = byte_offset / kBlock;
    const std::size_t part = std::min<std::size_t>(kBlock - byte_offset % kBlock, from.size());
    auto found = written_.find(block);
    if (found == written_.end()) {
      std::vector<std::byte> bytes(kBlock);
      read_block(block * kBlock, bytes);
      found = written_.emplace(block, std::move(bytes)).first;
    }
    std::memcpy(found->second.data() + byte_offset % kBlock, from.data(), part);
    byte_offset += part;
    from = from.subspan(part);
  }
}

}  // namespace iodrome::kernel
