// SPDX-License-Identifier: Apache-2.0
// Errors of writeback, told once to everybody who had the file open.
#pragma once
#include <cstdint>

#include "model/engine/result.h"

namespace iodrome::kernel {

/// The last error of a file's writeback, and how many there were.
///
/// Source: Linux lib/errseq.c. An error that nobody has seen yet is also told to those who open the
/// file after it; one that was told counts anew when it comes again.
class Errseq {
 public:
  void set(Errno error) {
    if (error == Errno::ok) return;
    ++failures_;
    if (count_ == 0 || seen_ || error != error_) ++count_;
    error_ = error;
    seen_ = false;
  }
  std::uint64_t failures() const { return failures_; }
  /// Where a descriptor that is opened now begins to listen.
  std::uint64_t sample() const { return seen_ ? count_ : 0; }
  /// The error since `since`, told once: `since` moves up to now.
  Errno check_and_advance(std::uint64_t& since) {
    if (since == count_) return Errno::ok;
    since = count_;
    seen_ = true;
    return error_;
  }

 private:
  Errno error_ = Errno::ok;
  std::uint64_t count_ = 0;
  std::uint64_t failures_ = 0;  // told or not
  bool seen_ = false;
};

}  // namespace iodrome::kernel
