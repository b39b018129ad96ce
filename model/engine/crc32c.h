// SPDX-License-Identifier: Apache-2.0
// CRC-32C (Castagnoli), as iSCSI, ext4 and copy engines compute it.
//
// Source: RFC 3720, appendix B.4, whose values a test checks.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace iodrome {

/// Goes on with a CRC over further bytes; 0 begins one.
constexpr std::uint32_t crc32c(std::uint32_t crc, std::span<const std::byte> bytes) {
  constexpr auto table = [] {
    std::array<std::uint32_t, 256> made{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
      std::uint32_t value = byte;
      for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ ((value & 1) != 0 ? 0x82f6'3b78u : 0);
      made[byte] = value;
    }
    return made;
  }();
  crc = ~crc;
  for (const std::byte one : bytes)
    crc = crc >> 8 ^ table[(crc ^ static_cast<std::uint32_t>(one)) & 0xff];
  return ~crc;
}

/// The CRC of some bytes and `bytes` others behind them, from that of each part.
constexpr std::uint32_t crc32c_combine(std::uint32_t first, std::uint32_t second,
                                       std::uint64_t bytes) {
  // Polynomials over two elements modulo the CRC's, the coefficient of x^0 in the highest bit.
  constexpr auto product = [](std::uint32_t a, std::uint32_t b) {
    std::uint32_t sum = 0;
    for (std::uint32_t bit = 1u << 31; bit != 0; bit >>= 1) {
      if ((a & bit) != 0) sum ^= b;
      b = b >> 1 ^ ((b & 1) != 0 ? 0x82f6'3b78u : 0);
    }
    return sum;
  };
  // A byte of zeros behind the first part multiplies its CRC by x^8.
  for (std::uint32_t power = 1u << 23; bytes != 0; bytes >>= 1, power = product(power, power))
    if ((bytes & 1) != 0) first = product(first, power);
  return first ^ second;
}

}  // namespace iodrome
