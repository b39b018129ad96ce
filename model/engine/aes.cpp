// SPDX-License-Identifier: Apache-2.0
#include "model/engine/aes.h"

#include <bit>
#include <cstring>

namespace iodrome {
namespace {

// Multiplication in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1.
constexpr std::uint8_t times(std::uint8_t a, std::uint8_t b) {
  std::uint8_t product = 0;
  for (; b != 0; b = static_cast<std::uint8_t>(b >> 1)) {
    if ((b & 1) != 0) product ^= a;
    a = static_cast<std::uint8_t>(a << 1 ^ ((a & 0x80) != 0 ? 0x1b : 0));
  }
  return product;
}

// The inverse, which is x^254, then the affine map.
constexpr std::uint8_t substitute(std::uint8_t x) {
  std::uint8_t inverse = 1;
  for (int i = 0; i < 254; ++i) inverse = times(inverse, x);
  std::uint8_t sum = 0x63;
  for (int turn = 0; turn < 5; ++turn) sum ^= std::rotl(inverse, turn);
  return sum;
}

constexpr auto kBox = [] {
  std::array<std::uint8_t, 256> box{};
  for (int x = 0; x < 256; ++x)
    box[static_cast<std::size_t>(x)] = substitute(static_cast<std::uint8_t>(x));
  return box;
}();

constexpr auto kInverseBox = [] {
  std::array<std::uint8_t, 256> box{};
  for (int x = 0; x < 256; ++x)
    box[kBox[static_cast<std::size_t>(x)]] = static_cast<std::uint8_t>(x);
  return box;
}();

using Block = Aes128::Block;

void add(Block& block, const Block& key) {
  for (std::size_t i = 0; i < block.size(); ++i) block[i] ^= key[i];
}

// Byte r + 4 c stands in row r, column c; row r moves left by r columns.
Block shift_rows(const Block& block, bool back) {
  Block shifted;
  for (std::size_t row = 0; row < 4; ++row)
    for (std::size_t column = 0; column < 4; ++column)
      shifted[row + 4 * column] = block[row + 4 * ((column + (back ? 4 - row : row)) % 4)];
  return shifted;
}

void mix_columns(Block& block, const std::array<std::uint8_t, 4>& factors) {
  for (std::size_t column = 0; column < 16; column += 4) {
    std::array<std::uint8_t, 4> mixed{};
    for (std::size_t row = 0; row < 4; ++row)
      for (std::size_t i = 0; i < 4; ++i)
        mixed[row] ^= times(block[column + (row + i) % 4], factors[i]);
    std::memcpy(block.data() + column, mixed.data(), mixed.size());
  }
}

Block load(std::span<const std::byte> bytes) {
  Block block;
  std::memcpy(block.data(), bytes.data(), block.size());
  return block;
}

}  // namespace

Aes128::Aes128(const Block& key) : round_keys_{key} {
  std::uint8_t constant = 1;
  for (int round = 1; round <= kRounds; ++round) {
    const Block& last = round_keys_[static_cast<std::size_t>(round - 1)];
    Block& next = round_keys_[static_cast<std::size_t>(round)];
    for (std::size_t i = 0; i < 4; ++i) {
      next[i] = static_cast<std::uint8_t>(last[i] ^ kBox[last[12 + (i + 1) % 4]]);
      if (i == 0) next[i] ^= constant;
    }
    for (std::size_t i = 4; i < 16; ++i) next[i] = static_cast<std::uint8_t>(last[i] ^ next[i - 4]);
    constant = times(constant, 2);
  }
}

Block Aes128::encrypt(Block block) const {
  add(block, round_keys_[0]);
  for (std::size_t round = 1; round <= kRounds; ++round) {
    for (std::uint8_t& one : block) one = kBox[one];
    block = shift_rows(block, false);
    if (round < kRounds) mix_columns(block, {2, 3, 1, 1});
    add(block, round_keys_[round]);
  }
  return block;
}

Block Aes128::decrypt(Block block) const {
  for (std::size_t round = kRounds; round >= 1; --round) {
    add(block, round_keys_[round]);
    if (round < kRounds) mix_columns(block, {14, 11, 13, 9});
    block = shift_rows(block, true);
    for (std::uint8_t& one : block) one = kInverseBox[one];
  }
  add(block, round_keys_[0]);
  return block;
}

void cbc_encrypt(const Aes128& cipher, Block& iv, std::span<std::byte> bytes) {
  for (std::size_t at = 0; at < bytes.size(); at += Aes128::kBlock) {
    Block block = load(bytes.subspan(at));
    add(block, iv);
    iv = cipher.encrypt(block);
    std::memcpy(bytes.data() + at, iv.data(), iv.size());
  }
}

void cbc_decrypt(const Aes128& cipher, Block& iv, std::span<std::byte> bytes) {
  for (std::size_t at = 0; at < bytes.size(); at += Aes128::kBlock) {
    const Block given = load(bytes.subspan(at));
    Block block = cipher.decrypt(given);
    add(block, iv);
    iv = given;
    std::memcpy(bytes.data() + at, block.data(), block.size());
  }
}

}  // namespace iodrome
