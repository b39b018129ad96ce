// SPDX-License-Identifier: Apache-2.0
// The fingerprint of a run: XXH3 over the fields of every event, in order. Two runs with one fingerprint did the
// same things at the same times. Compared within one commit, never stored.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace iodrome {

class Fingerprint {
 public:
  Fingerprint();
  ~Fingerprint();
  Fingerprint(const Fingerprint&) = delete;
  Fingerprint& operator=(const Fingerprint&) = delete;

  void mix(std::uint64_t word) {
    if (used_ == buffer_.size()) flush();
    buffer_[used_++] = word;
  }
  /// 16 hexadecimal digits.
  std::string text();

 private:
  void flush();
  struct State;
  std::unique_ptr<State> state_;
  std::array<std::uint64_t, 1024> buffer_;
  std::size_t used_ = 0;
};

}  // namespace iodrome
