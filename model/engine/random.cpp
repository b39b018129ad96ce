// SPDX-License-Identifier: Apache-2.0
#include "model/engine/random.h"

#include <Random123/philox.h>

#include <bit>

namespace iodrome {

std::uint64_t draw(std::uint64_t seed, Purpose purpose, std::uint64_t a, std::uint64_t b,
                   std::uint64_t c) {
  const r123::Philox4x64 philox;
  const r123::Philox4x64::ctr_type counter = {{a, b, c, 0}};
  const r123::Philox4x64::key_type key = {{seed, static_cast<std::uint64_t>(purpose)}};
  return philox(counter, key)[0];
}

// Bit-by-bit logarithm: squaring a mantissa in [1, 2) doubles its logarithm, and its overflow is
// the next bit.
std::int64_t negative_log2(std::uint64_t bits) {
  constexpr int kFraction = 40;
  // u = (2 bits + 1) / 2^65 = mantissa / 2^63 * 2^(width - 66), the mantissa in [2^63, 2^64).
  const Wide odd = (static_cast<Wide>(bits) << 1) | 1;
  const int width = bits == 0 ? 1 : 65 - std::countl_zero(bits);
  auto mantissa = static_cast<std::uint64_t>(width == 65 ? odd >> 1 : odd << (64 - width));
  std::int64_t fraction = 0;
  for (int bit = 0; bit < kFraction; ++bit) {
    const Wide square = static_cast<Wide>(mantissa) * mantissa;
    const bool carry = (square >> 127) != 0;
    mantissa = static_cast<std::uint64_t>(carry ? square >> 64 : square >> 63);
    fraction = (fraction << 1) | (carry ? 1 : 0);
  }
  return (static_cast<std::int64_t>(66 - width) << kFraction) - fraction;
}

Duration exponential(std::uint64_t bits, Duration mean) {
  // ln 2 in units of 2^-62; the product is taken in 128 bits and rounded down once.
  constexpr std::uint64_t kLn2 = 3196577161300663914ull;
  const auto log2_units = static_cast<Wide>(negative_log2(bits));
  const auto nat_units = (log2_units * kLn2) >> 62;  // -ln(u), units of 2^-40
  return ps(
      static_cast<std::int64_t>((nat_units * static_cast<std::uint64_t>(mean.count())) >> 40));
}

}  // namespace iodrome
