// SPDX-License-Identifier: Apache-2.0
// User buffers that are given by their pages: whether a process has touched them already.
#pragma once
#include <span>
#include <vector>

#include "hw/memory/memory.h"
#include "model/engine/task.h"

namespace iodrome::kernel {

class Sleepable;

/// Which pages of user buffers are mapped. By default all of them are, from the start.
struct FirstTouch {
  bool on_demand = false;
  std::vector<bool> mapped;  // by physical page number

  /// Maps a page. True: it was not mapped before.
  bool touch(hw::PhysAddr page) {
    const std::size_t number = page / hw::kPageBytes;
    if (mapped.size() <= number) mapped.resize(number + 1);
    if (mapped[number]) return false;
    mapped[number] = true;
    return true;
  }
};

/// A system call is about to use `bytes` of the caller's buffer: it pays page_fault_minor for each
/// page that nobody has touched before. Free when buffers are resident.
///
/// Differs: all faults come before the first byte, not between the copies; a buffer that the
/// application would fill itself is touched here too.
Task<void> fault_in_user(Sleepable& ctx, std::span<const hw::PhysAddr> pages, std::uint64_t bytes);

}  // namespace iodrome::kernel
