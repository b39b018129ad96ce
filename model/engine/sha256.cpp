// SPDX-License-Identifier: Apache-2.0
#include "model/engine/sha256.h"

#include <bit>

namespace iodrome {
namespace {

using Words = std::array<std::uint32_t, 8>;
__extension__ using Wide128 = unsigned __int128;

constexpr auto kPrimes = [] {
  std::array<std::uint64_t, 64> primes{};
  std::size_t found = 0;
  for (std::uint64_t candidate = 2; found < primes.size(); ++candidate) {
    bool prime = true;
    for (std::size_t i = 0; i < found; ++i) prime = prime && candidate % primes[i] != 0;
    if (prime) primes[found++] = candidate;
  }
  return primes;
}();

// The first 32 bits of the fraction of a prime's square or cube root: the largest r with
// r^k <= p * 2^(32 k), without its whole part.
constexpr std::uint32_t root_fraction(std::uint64_t prime, bool cube) {
  std::uint64_t root = 0;
  for (std::uint64_t bit = std::uint64_t{1} << 36; bit != 0; bit >>= 1) {
    const Wide128 tried = root | bit;
    const bool fits = cube ? tried * tried * tried <= static_cast<Wide128>(prime) << 96
                           : tried * tried <= static_cast<Wide128>(prime) << 64;
    if (fits) root |= bit;
  }
  return static_cast<std::uint32_t>(root);
}

constexpr auto kRoundWords = [] {
  std::array<std::uint32_t, 64> words{};
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = root_fraction(kPrimes[i], true);
  return words;
}();

std::uint32_t big_endian(std::span<const std::uint8_t> bytes) {
  return static_cast<std::uint32_t>(bytes[0]) << 24 | static_cast<std::uint32_t>(bytes[1]) << 16 |
         static_cast<std::uint32_t>(bytes[2]) << 8 | bytes[3];
}

void take_block(Words& state, std::span<const std::uint8_t> block) {
  std::array<std::uint32_t, 64> w{};
  for (std::size_t i = 0; i < 16; ++i) w[i] = big_endian(block.subspan(4 * i));
  for (std::size_t i = 16; i < 64; ++i) {
    const std::uint32_t a = w[i - 15];
    const std::uint32_t b = w[i - 2];
    w[i] = w[i - 16] + (std::rotr(a, 7) ^ std::rotr(a, 18) ^ a >> 3) + w[i - 7] +
           (std::rotr(b, 17) ^ std::rotr(b, 19) ^ b >> 10);
  }
  Words s = state;
  for (std::size_t i = 0; i < 64; ++i) {
    const std::uint32_t e = s[4];
    const std::uint32_t a = s[0];
    const std::uint32_t first = s[7] + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) +
                                ((e & s[5]) ^ (~e & s[6])) + kRoundWords[i] + w[i];
    const std::uint32_t second = (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) +
                                 ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
    s = {first + second, s[0], s[1], s[2], s[3] + first, s[4], s[5], s[6]};
  }
  for (std::size_t i = 0; i < 8; ++i) state[i] += s[i];
}

constexpr Words kInitial = [] {
  Words words{};
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = root_fraction(kPrimes[i], false);
  return words;
}();

}  // namespace

Sha256::Sha256() : state_(kInitial) {}

void Sha256::add(std::span<const std::byte> part) {
  for (const std::byte byte : part) {
    begun_[bytes_++ % kBlock] = static_cast<std::uint8_t>(byte);
    if (bytes_ % kBlock == 0) take_block(state_, begun_);
  }
}

Digest Sha256::digest() const {
  Sha256 ended = *this;
  std::array<std::byte, kBlock + 8> end{std::byte{0x80}};
  const std::size_t zeros = (2 * kBlock - 1 - 8 - bytes_ % kBlock) % kBlock;
  const std::uint64_t bits = 8 * bytes_;
  for (std::size_t i = 0; i < 8; ++i)
    end[1 + zeros + i] = static_cast<std::byte>(bits >> (56 - 8 * i));
  ended.add(std::span{end}.first(1 + zeros + 8));
  Digest digest;
  for (std::size_t i = 0; i < digest.size(); ++i)
    digest[i] = static_cast<std::uint8_t>(ended.state_[i / 4] >> (24 - 8 * (i % 4)));
  return digest;
}

Digest sha256(std::span<const std::byte> bytes) {
  Sha256 whole;
  whole.add(bytes);
  return whole.digest();
}

}  // namespace iodrome
