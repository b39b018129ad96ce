// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/vfs/directory.h"

#include <algorithm>

namespace iodrome::kernel {

Inode::Inode() = default;
Inode::~Inode() = default;

const Directory::Entry* Directory::find(std::string_view name) const {
  const auto found = places_.find(name);
  return found == places_.end() ? nullptr : &entries_.at(found->second);
}

std::uint64_t Directory::place_of(std::string_view name) const {
  const auto found = places_.find(name);
  check(found != places_.end(), "the place of a name that is not there");
  return found->second;
}

std::uint64_t Directory::room_for(std::string_view name) const {
  const std::uint64_t bytes = record_bytes(name);
  const auto gap =
      std::ranges::find_if(gaps_, [bytes](const auto& each) { return each.second >= bytes; });
  if (gap != gaps_.end()) return gap->first;
  const std::uint64_t left = kBlock - end_ % kBlock;
  return left >= bytes ? end_ : end_ + left;
}

void Directory::insert(std::string_view name, Inode& inode) {
  const std::uint64_t place = room_for(name);
  const std::uint64_t bytes = record_bytes(name);
  const auto gap = gaps_.find(place);
  if (gap != gaps_.end()) {
    const std::uint64_t rest = gap->second - bytes;
    gaps_.erase(gap);
    if (rest != 0) gaps_.emplace(place + bytes, rest);
  } else {
    if (place != end_) gaps_.emplace(end_, place - end_);
    end_ = place + bytes;
  }
  const auto entry = entries_.emplace(place, Entry{std::string(name), &inode}).first;
  const bool is_new = places_.emplace(entry->second.name, place).second;
  check(is_new, "a name put into a directory twice");
}

void Directory::point(std::string_view name, Inode& inode) {
  entries_.at(place_of(name)).inode = &inode;
}

void Directory::erase(std::string_view name) {
  const std::uint64_t place = place_of(name);
  std::uint64_t bytes = record_bytes(name);
  places_.erase(name);
  entries_.erase(place);
  // Gaps of one block become one.
  const auto next = gaps_.find(place + bytes);
  if (next != gaps_.end() && next->first % kBlock != 0) {
    bytes += next->second;
    gaps_.erase(next);
  }
  const auto behind = gaps_.lower_bound(place);
  if (behind != gaps_.begin() && place % kBlock != 0) {
    const auto before = std::prev(behind);
    if (before->first + before->second == place) {
      before->second += bytes;
      return;
    }
  }
  gaps_.emplace(place, bytes);
}

std::uint64_t Directory::size_bytes() const {
  return std::max<std::uint64_t>(1, (end_ + kBlock - 1) / kBlock) * kBlock;
}

}  // namespace iodrome::kernel
