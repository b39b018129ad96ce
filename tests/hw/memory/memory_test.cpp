// SPDX-License-Identifier: Apache-2.0
#include "hw/memory/memory.h"

#include <array>
#include <catch2/catch.hpp>

#include "tests/resident.h"

using namespace iodrome;
using namespace iodrome::hw;

namespace {

/// Each byte is a function of its offset.
class Pattern final : public Reproducible {
 public:
  static std::byte at(std::uint64_t offset) {
    return static_cast<std::byte>((offset * 0x9e37'79b9'7f4a'7c15ull) >> 56);
  }
  void make_again(std::uint64_t offset, std::span<std::byte> to) const override {
    for (std::byte& byte : to) byte = at(offset++);
  }
};

bool is_pattern(std::span<const std::byte> bytes, std::uint64_t offset) {
  for (const std::byte byte : bytes)
    if (byte != Pattern::at(offset++)) return false;
  return true;
}

}  // namespace

TEST_CASE("what was written unseen is read as the source has it") {
  Memory memory;
  const Pattern pattern;
  const PhysAddr pages = memory.allocate_contiguous(2 * kPageBytes);
  REQUIRE(memory.write_unseen(pages, 2 * kPageBytes, pattern, 5000));
  std::array<std::byte, 300> scratch{};
  SECTION("through a view across two pages") {
    CHECK(is_pattern(memory.view(pages + 4000, scratch), 9000));
  }
  SECTION("through an access") {
    CHECK(memory.access(Command::read, pages + 4000, scratch) == Response::ok);
    CHECK(is_pattern(scratch, 9000));
  }
  SECTION("through a pointer") {
    CHECK(is_pattern(memory.bytes(pages + 4000, 300), 9000));
  }
}

TEST_CASE("a change to a page that was written unseen changes those bytes and no others") {
  Memory memory;
  const Pattern pattern;
  const PhysAddr pages = memory.allocate_contiguous(2 * kPageBytes);
  REQUIRE(memory.write_unseen(pages, 2 * kPageBytes, pattern, 0));
  memory.bytes(pages + 100, 1)[0] ^= std::byte{1};
  std::array<std::byte, 2 * kPageBytes> scratch{};
  const std::span<const std::byte> all = memory.view(pages, scratch);
  CHECK(is_pattern(all.first(100), 0));
  CHECK(all[100] == (Pattern::at(100) ^ std::byte{1}));
  CHECK(is_pattern(all.subspan(101), 101));
}

TEST_CASE("a page is written unseen as a whole, from one source, or not at all") {
  Memory memory;
  const Pattern pattern;
  const Pattern other;
  const PhysAddr page = memory.allocate_page();
  CHECK_FALSE(memory.write_unseen(page, 512, pattern, 0));
  CHECK_FALSE(memory.write_unseen(page + 512, kPageBytes, pattern, 0));
  CHECK_FALSE(memory.write_unseen(0, kPageBytes, pattern, 0));
  CHECK(memory.write_unseen(page, kPageBytes, pattern, 0));
  CHECK_FALSE(memory.write_unseen(page, kPageBytes, other, 0));
}

TEST_CASE("pages that nobody changes cost the host nothing but their place") {
  if (!kResidentIsMeaningful) return;
  Memory memory;
  const Pattern pattern;
  constexpr std::size_t kPages = 20'000;  // 82 MB
  std::array<std::byte, kPageBytes> scratch{};
  const std::size_t before = resident_bytes();
  for (std::size_t i = 0; i < kPages; ++i) {
    const PhysAddr page = memory.allocate_page();
    REQUIRE(memory.write_unseen(page, kPageBytes, pattern, i * kPageBytes));
    REQUIRE(is_pattern(memory.view(page, scratch).first(8), i * kPageBytes));
  }
  // A chunk that the allocator gives out a second time is resident from the start.
  CHECK(resident_bytes() - before < kPages * kPageBytes / 8);
}
