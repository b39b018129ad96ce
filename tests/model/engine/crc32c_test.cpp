// SPDX-License-Identifier: Apache-2.0
#include "model/engine/crc32c.h"

#include <catch2/catch.hpp>
#include <vector>

namespace iodrome {

TEST_CASE("the CRC of two parts is what the CRC of the whole would be") {
  std::vector<std::byte> bytes(9000);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 31 + i / 7);
  const std::span<const std::byte> all(bytes);
  const std::uint32_t whole = crc32c(0, all);
  for (const std::size_t cut : {0u, 1u, 2u, 255u, 4096u, 8999u, 9000u}) {
    const std::uint32_t first = crc32c(0, all.first(cut));
    const std::uint32_t second = crc32c(0, all.subspan(cut));
    CHECK(crc32c_combine(first, second, all.size() - cut) == whole);
  }
}

}  // namespace iodrome
