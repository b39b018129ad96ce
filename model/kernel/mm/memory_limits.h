// SPDX-License-Identifier: Apache-2.0
// How much memory there is, and who gives some back. What allocations make of it: allocation.h.
#pragma once
#include <cstdint>

namespace iodrome::kernel {

/// Units: pages. Without a limit memory never runs out.
struct MemoryLimits {
  std::uint64_t pages = 0;      // what the machine has; 0: no limit
  std::uint64_t min_pages = 0;  // the reserve: the min watermark
};

/// What gives memory back when it runs short.
class Shrinker {
 public:
  /// Frees up to `pages`, least recently used first; returns how many.
  virtual std::uint64_t shrink(std::uint64_t pages) = 0;

 protected:
  ~Shrinker() = default;
};

}  // namespace iodrome::kernel
