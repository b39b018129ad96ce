// SPDX-License-Identifier: Apache-2.0
// SHA-256. Source: FIPS 180-4, whose vectors a test checks.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace iodrome {

using Digest = std::array<std::uint8_t, 32>;

Digest sha256(std::span<const std::byte> bytes);

}  // namespace iodrome
