// SPDX-License-Identifier: Apache-2.0
// AES with keys of 128 bits, and cipher block chaining. For the bytes of what is modelled: it is
// neither quick nor safe from who measures it.
//
// Source: FIPS 197; NIST SP 800-38A, whose vectors a test checks.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace iodrome {

class Aes128 {
 public:
  static constexpr std::size_t kBlock = 16;
  using Block = std::array<std::uint8_t, kBlock>;

  explicit Aes128(const Block& key);

  Block encrypt(Block block) const;
  Block decrypt(Block block) const;

 private:
  static constexpr int kRounds = 10;
  std::array<Block, kRounds + 1> round_keys_;
};

/// In place. Units: whole blocks. Afterwards `iv` is what the next call of the same message needs.
void cbc_encrypt(const Aes128& cipher, Aes128::Block& iv, std::span<std::byte> bytes);
void cbc_decrypt(const Aes128& cipher, Aes128::Block& iv, std::span<std::byte> bytes);

}  // namespace iodrome
