// SPDX-License-Identifier: Apache-2.0
// Pages that lie together in memory, the first of them with a pattern that tells pages and bytes
// apart, for tests of what moves and transforms bytes.
#pragma once
#include <span>

#include "hw/memory/memory.h"

namespace iodrome::tests {

struct PatternedPages {
  static constexpr std::uint32_t kBytes = 4096;

  void lay_out(hw::Memory& in, std::uint32_t pages, std::uint32_t patterned) {
    memory = &in;
    area = in.allocate_contiguous(pages * kBytes);
    for (std::uint32_t page = 0; page < patterned; ++page)
      for (std::uint32_t i = 0; i < kBytes; ++i) bytes(page)[i] = pattern(page, i);
  }
  static std::byte pattern(std::uint32_t page, std::uint32_t i) {
    return static_cast<std::byte>(page * 71 + i * 13 + i / 256 + 1);
  }
  hw::PhysAddr at(std::uint32_t page) const { return area + page * kBytes; }
  std::span<std::byte> bytes(std::uint32_t page) const { return memory->bytes(at(page), kBytes); }
  /// Whether the page holds what the other one was laid out with.
  bool is_pattern(std::uint32_t page, std::uint32_t of) const {
    for (std::uint32_t i = 0; i < kBytes; ++i)
      if (bytes(page)[i] != pattern(of, i)) return false;
    return true;
  }

  hw::Memory* memory = nullptr;
  hw::PhysAddr area = 0;
};

}  // namespace iodrome::tests
