// SPDX-License-Identifier: Apache-2.0
// What a program should have left in its memory, on the disk and at the client.
#pragma once
#include "model/engine/aes.h"
#include "model/engine/sha256.h"
#include "tests/model/designs/task_chain/programs.h"

namespace iodrome::designs::task_chain {

// CRC-32C, bit by bit, of a page of that byte.
inline std::int64_t sum_of_page(std::uint8_t byte) {
  std::uint32_t crc = ~0U;
  for (std::uint64_t i = 0; i < kBlock; ++i) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f6'3b78U : 0U);
  }
  return ~crc;
}

// Of the page that the step sums: what it was filled with, or a step before it has made of it.
inline std::int64_t World::sum_of(const chain::Step& step) {
  const std::size_t page = step.memory / kBlock;
  const bool set = page < steps.size() && steps[page].op == chain::Op::memset;
  return sum_of_page(set ? steps[page].value : pattern(page));
}

// What step i has left at its place, from pages that nobody has changed.
inline std::vector<std::byte> World::made_by(std::size_t i) const {
  const auto filled = [](int with) { return std::vector<std::byte>(kBlock, std::byte(with)); };
  const auto source = static_cast<std::uint8_t>(pattern(i + kMost));
  std::vector<std::byte> page = filled(source);
  switch (steps[i].op) {
    case chain::Op::memset:
      return filled(static_cast<std::uint8_t>(~pattern(i)));
    case chain::Op::exclusive_or:
      return filled(source ^ pattern(i + kMost + 1));
    case chain::Op::hash: {
      const Digest digest = sha256(page);
      const auto bytes = std::as_bytes(std::span{digest});
      return {bytes.begin(), bytes.end()};
    }
    case chain::Op::encrypt:
    case chain::Op::decrypt: {
      Aes128::Block key{};
      for (std::size_t k = 0; k < key.size(); ++k)
        key[k] = static_cast<std::uint8_t>(steps[i].value + k);
      Aes128::Block iv{};
      (steps[i].op == chain::Op::encrypt ? cbc_encrypt : cbc_decrypt)(Aes128(key), iv, page);
      return page;
    }
    default:
      return page;
  }
}

// Of each step that went well, what it should have left in memory or on the disk; of all sends
// together, what the client should have got.
inline bool World::same_bytes() {
  std::vector<std::byte> on_disk(kBlock);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const std::int64_t moved = runs[0].results[i];
    if (moved <= 0) continue;
    const std::span<std::byte> page = memory_at(i * kBlock);
    bool right = true;
    if (steps[i].op == chain::Op::read) {
      const Inode& inode = inode_of(steps[i].fd_from >= 0 ? 0 : i);
      right = undelivered || content_matches(inode.number, i * kBlock,
                                             page.first(static_cast<std::size_t>(moved)));
    } else if (steps[i].op == chain::Op::write && !buffered) {
      files.volume().read(inode_of(i).first_sector * 512 + i * kBlock, on_disk);
      right = std::ranges::all_of(on_disk, [i](std::byte b) { return b == std::byte{pattern(i)}; });
    } else if (steps[i].op == chain::Op::receive) {
      right = peers.received(i, page.first(static_cast<std::size_t>(moved)));
    } else if (steps[i].op == chain::Op::inotify) {
      std::span<const std::byte> event = page;
      right = take_inotify_event(event).name == event_name(events[i]);
    } else if (steps[i].on_memory() && steps[i].op != chain::Op::crc32c) {
      const std::vector<std::byte> made = made_by(i);
      right = std::ranges::equal(made, page.first(made.size()));
    }
    if (!right) return false;
  }
  std::span<const std::byte> got = client.stream;
  for (const auto& [step, moved] : stream) {
    const auto bytes = static_cast<std::size_t>(moved);
    if (got.size() < bytes) return false;
    if (!content_matches(inode_of(step).number, step * kBlock, got.first(bytes))) return false;
    got = got.subspan(bytes);
  }
  return got.empty() && disk.flushes == syncs;
}

}  // namespace iodrome::designs::task_chain
