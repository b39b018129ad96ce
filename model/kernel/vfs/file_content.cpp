// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/vfs/file_content.h"

#include <algorithm>
#include <cstring>

namespace iodrome::kernel {

namespace {

// One multiply and a fold: neighbouring words differ in every byte, and so do equal offsets of two
// inodes.
std::uint64_t content_word(std::uint64_t inode, std::uint64_t index) {
  const std::uint64_t x = (index + 1 + (inode << 40)) * 0x9E3779B97F4A7C15ull;
  return x ^ (x >> 29);
}

template <class Use>
bool for_each_piece(std::uint64_t inode, std::uint64_t offset, std::size_t size, Use use) {
  std::size_t done = 0;
  while (done < size) {
    const std::uint64_t at = offset + done;
    const std::size_t skip = at % 8;
    const std::size_t length = std::min<std::size_t>(8 - skip, size - done);
    const std::uint64_t word = content_word(inode, at / 8) >> (8 * skip);
    if (!use(done, word, length)) return false;
    done += length;
  }
  return true;
}

}  // namespace

void fill_content(std::uint64_t inode, std::uint64_t offset, std::span<std::byte> to) {
  if (offset % 8 == 0 && to.size() % 8 == 0) {
    std::byte* out = to.data();
    for (std::uint64_t index = offset / 8; out != to.data() + to.size(); ++index, out += 8) {
      const std::uint64_t word = content_word(inode, index);
      std::memcpy(out, &word, 8);
    }
    return;
  }
  for_each_piece(inode, offset, to.size(), [&](std::size_t at, std::uint64_t word, std::size_t n) {
    std::memcpy(to.data() + at, &word, n);
    return true;
  });
}

bool content_matches(std::uint64_t inode, std::uint64_t offset, std::span<const std::byte> bytes) {
  if (offset % 8 == 0 && bytes.size() % 8 == 0) {
    std::uint64_t wrong = 0;
    const std::byte* in = bytes.data();
    for (std::uint64_t index = offset / 8; in != bytes.data() + bytes.size(); ++index, in += 8) {
      std::uint64_t word;
      std::memcpy(&word, in, 8);
      wrong |= word ^ content_word(inode, index);
    }
    return wrong == 0;
  }
  return for_each_piece(inode, offset, bytes.size(),
                        [&](std::size_t at, std::uint64_t word, std::size_t n) {
                          return std::memcmp(bytes.data() + at, &word, n) == 0;
                        });
}

}  // namespace iodrome::kernel
