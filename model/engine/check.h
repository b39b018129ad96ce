// SPDX-License-Identifier: Apache-2.0
// What only a bug of Iodrome itself can cause; always on. What a caller of a modelled interface
// could see is a Result instead.
#pragma once
#include <stdexcept>
#include <string>

namespace iodrome {

/// A broken assumption of the simulator itself. It ends the run; it is never part of a model.
struct InternalError : std::logic_error {
  using std::logic_error::logic_error;
};

[[noreturn]] void fail_check(const char* why);

inline void check(bool condition, const char* why) {
  if (!condition) [[unlikely]]
    fail_check(why);
}

}  // namespace iodrome
