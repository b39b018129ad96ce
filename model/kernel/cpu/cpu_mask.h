// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace iodrome::kernel {

/// Most CPUs of a machine.
inline constexpr std::uint32_t kMaxCpus = 1024;

/// A set of CPUs by number, as a cpumask.
class CpuMask {
 public:
  void set(std::uint32_t cpu) { words_[cpu / 64] |= std::uint64_t{1} << cpu % 64; }
  void clear(std::uint32_t cpu) { words_[cpu / 64] &= ~(std::uint64_t{1} << cpu % 64); }
  bool test(std::uint32_t cpu) const { return (words_[cpu / 64] >> cpu % 64 & 1) != 0; }

  /// The lowest CPU of [from, to) that is in this set, and in `also` if that is given; `to` if
  /// there is none.
  std::uint32_t next(std::uint32_t from, std::uint32_t to, const CpuMask* also = nullptr) const {
    for (std::uint32_t word = from / 64; word * 64 < to; ++word) {
      std::uint64_t bits = words_[word];
      if (also != nullptr) bits &= also->words_[word];
      if (word == from / 64) bits &= ~std::uint64_t{0} << from % 64;
      if (bits != 0)
        return std::min(to, word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits)));
    }
    return to;
  }

 private:
  std::array<std::uint64_t, kMaxCpus / 64> words_{};
};

}  // namespace iodrome::kernel
