// SPDX-License-Identifier: Apache-2.0
// SHA-256. Source: FIPS 180-4, whose vectors a test checks.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace iodrome {

using Digest = std::array<std::uint8_t, 32>;

/// A message that comes in parts.
class Sha256 {
 public:
  Sha256();
  void add(std::span<const std::byte> part);
  /// Of all parts so far.
  Digest digest() const;

 private:
  static constexpr std::size_t kBlock = 64;
  std::array<std::uint32_t, 8> state_;
  std::array<std::uint8_t, kBlock> begun_{};  // what does not fill a block yet
  std::uint64_t bytes_ = 0;
};

Digest sha256(std::span<const std::byte> bytes);

}  // namespace iodrome
