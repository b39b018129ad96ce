// SPDX-License-Identifier: Apache-2.0
// How often each media page has been read: the third coordinate of a media draw.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace iodrome::hw {

/// Counts per key; open addressing, nothing depends on its order.
class Occurrences {
 public:
  /// How often `key` was counted before.
  std::uint32_t count(std::uint64_t key) {
    if (2 * (used_ + 1) > cells_.size()) grow();
    Cell& cell = find(key);
    if (cell.key_plus_one == 0) {
      cell.key_plus_one = key + 1;
      ++used_;
    }
    return cell.count++;
  }

 private:
  struct Cell {
    std::uint64_t key_plus_one = 0;
    std::uint32_t count = 0;
  };

  Cell& find(std::uint64_t key) {
    const std::size_t mask = cells_.size() - 1;
    std::size_t slot = (key * 0x9e37'79b9'7f4a'7c15ull >> 20) & mask;
    while (cells_[slot].key_plus_one != 0 && cells_[slot].key_plus_one != key + 1)
      slot = (slot + 1) & mask;
    return cells_[slot];
  }
  void grow() {
    std::vector<Cell> old(cells_.empty() ? 64 : cells_.size() * 2);
    old.swap(cells_);
    for (const Cell& cell : old)
      if (cell.key_plus_one != 0) find(cell.key_plus_one - 1) = cell;
  }

  std::vector<Cell> cells_;
  std::size_t used_ = 0;
};

}  // namespace iodrome::hw
