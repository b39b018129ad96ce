// SPDX-License-Identifier: Apache-2.0
// Numbers of lock classes and of places in the code, given out as observers come to hear of them.
#pragma once
#include <map>
#include <string>

#include "model/events/probe.h"

namespace iodrome::kernel {

/// A line of the model's code; a default argument makes it the caller's.
struct Place {
  const char* file;
  std::uint32_t line;
  static constexpr Place here(const char* in = __builtin_FILE(),
                              std::uint32_t at = __builtin_LINE()) {
    return {in, at};
  }
};

/// One machine's numbers, from 1 on in the order of first use; observers are told the names.
class LockNames {
 public:
  std::uint64_t of_class(const events::Probe& probe, const char* name) {
    return of(probe, events::Named::lock_class, classes_, name);
  }
  std::uint64_t of_place(const events::Probe& probe, Place place);

 private:
  using Numbers = std::map<std::string, std::uint64_t>;
  static std::uint64_t of(const events::Probe& probe, events::Named what, Numbers& numbers,
                          const std::string& name);
  Numbers classes_;
  Numbers places_;
};

}  // namespace iodrome::kernel
