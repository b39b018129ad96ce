// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <unistd.h>

#include <cstddef>
#include <fstream>

namespace iodrome {

/// The resident set of this process now.
inline std::size_t resident_bytes() {
  std::size_t total = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// The address sanitizer keeps freed memory back, so there the figure says nothing.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kResidentIsMeaningful = false;
#else
inline constexpr bool kResidentIsMeaningful = true;
#endif

}  // namespace iodrome
