// SPDX-License-Identifier: Apache-2.0
// Which blocks of the device a file has, and how it comes to have more or fewer.
#include <algorithm>

#include "model/kernel/vfs/volume.h"

namespace iodrome::kernel {

namespace {

constexpr std::uint64_t kSectors = kBlock / 512;
constexpr std::uint64_t kNoGoal = ~std::uint64_t{0};

auto behind(const std::vector<Extent>& extents, std::uint64_t block) {
  return std::upper_bound(extents.begin(), extents.end(), block,
                          [](std::uint64_t at, const Extent& each) { return at < each.first; });
}

// The block of the device right behind the one that the file has before `block`.
std::uint64_t goal_for(const Inode& inode, std::uint64_t block) {
  if (block == 0) return kNoGoal;
  const BlockMapping before = inode.map(block - 1);
  return before.hole ? kNoGoal : before.sector / kSectors + 1;
}

}  // namespace

BlockMapping Inode::map_further(std::uint64_t block) const {
  const auto next = behind(more, block);
  if (next != more.begin()) {
    const Extent& at = *std::prev(next);
    const std::uint64_t inside = block - at.first;
    if (inside < at.count) return {false, at.sector + inside * kSectors, at.count - inside};
  }
  return {true, 0, next == more.end() ? ~std::uint64_t{0} - block : next->first - block};
}

Result<std::uint64_t> Volume::take_block(std::uint64_t goal) {
  auto place = free_.end();
  if (goal != kNoGoal) {
    place = free_.upper_bound(goal);
    if (place != free_.begin() && std::prev(place)->first + std::prev(place)->second > goal) {
      --place;
      const auto [first, count] = *place;
      free_.erase(place);
      if (goal > first) free_.emplace(first, goal - first);
      if (first + count > goal + 1) free_.emplace(goal + 1, first + count - goal - 1);
      return goal;
    }
  }
  const bool beyond_fits = next_byte_ + kBlock <= device_bytes_;
  const bool goal_is_next = goal == next_byte_ / kBlock;
  if (!free_.empty() && !(goal_is_next && beyond_fits)) {
    const auto [first, count] = *free_.begin();
    free_.erase(free_.begin());
    if (count > 1) free_.emplace(first + 1, count - 1);
    return first;
  }
  if (!beyond_fits) return fail(Errno::enospc);
  next_byte_ += kBlock;
  return next_byte_ / kBlock - 1;
}

Result<bool> Volume::allocate(Inode& inode, std::uint64_t block) {
  if (!inode.map(block).hole) return false;
  const Result<std::uint64_t> taken = take_block(goal_for(inode, block));
  if (!taken) return fail(taken.error());
  const std::uint64_t sector = *taken * kSectors;
  const auto next = behind(inode.more, block);
  if (next != inode.more.begin()) {
    Extent& before = inode.more[static_cast<std::size_t>(next - inode.more.begin()) - 1];
    if (before.first + before.count == block && before.sector + before.count * kSectors == sector) {
      ++before.count;
      return true;
    }
  }
  inode.more.insert(next, {block, 1, sector});
  return true;
}

Errno Volume::add_empty(Inode& inode) {
  const Result<std::uint64_t> taken = take_block(kNoGoal);
  if (!taken) return taken.error();
  inode.volume = this;
  inode.metadata_sector = *taken * kSectors;
  return Errno::ok;
}

void Volume::remove(Inode& inode) {
  release_blocks(inode, 0);
  give_back(inode.metadata_sector, 1);
}

void Volume::give_back(std::uint64_t sector, std::uint64_t count) {
  if (count == 0) return;
  auto place = free_.emplace(sector / kSectors, count).first;
  const auto next = std::next(place);
  if (next != free_.end() && place->first + place->second == next->first) {
    place->second += next->second;
    free_.erase(next);
  }
  if (place == free_.begin()) return;
  const auto before = std::prev(place);
  if (before->first + before->second != place->first) return;
  before->second += place->second;
  free_.erase(place);
}

void Volume::release_blocks(Inode& inode, std::uint64_t first) {
  while (!inode.more.empty() && inode.more.back().first + inode.more.back().count > first) {
    Extent& last = inode.more.back();
    const std::uint64_t keep = last.first < first ? first - last.first : 0;
    give_back(last.sector + keep * kSectors, last.count - keep);
    last.count = keep;
    if (keep != 0) break;
    inode.more.pop_back();
  }
  if (first >= inode.first_blocks) return;
  give_back(inode.first_sector + first * kSectors, inode.first_blocks - first);
  inode.first_blocks = first;
}

std::uint64_t Volume::blocks_free() const {
  std::uint64_t blocks = (device_bytes_ - next_byte_) / kBlock;
  for (const auto& [first, count] : free_) blocks += count;
  return blocks;
}

void Volume::read_file(const Inode& inode, std::uint64_t offset, std::span<std::byte> to) const {
  while (!to.empty()) {
    const std::size_t part = std::min<std::size_t>(kBlock - offset % kBlock, to.size());
    const BlockMapping place = inode.map(offset / kBlock);
    if (place.hole)
      std::fill_n(to.begin(), part, std::byte{0});
    else
      read_block(place.sector * 512 + offset % kBlock, to.first(part));
    offset += part;
    to = to.subspan(part);
  }
}

}  // namespace iodrome::kernel
