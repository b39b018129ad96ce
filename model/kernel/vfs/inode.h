// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "model/kernel/mm/page.h"

namespace iodrome::kernel {

/// A file: its place on the device and what of it is in memory.
struct Inode {
  std::uint64_t number = 0;
  std::string path;
  std::uint64_t size_bytes = 0;
  std::uint64_t first_sector = 0;     // its data is one contiguous extent
  std::uint64_t metadata_sector = 0;  // the block that holds the inode

  enum class Metadata : std::uint8_t { cold, reading, cached, failed };
  Metadata metadata = Metadata::cold;
  IoWaitList metadata_waiters;
  std::size_t failure_untold = 0;  // openers that have not heard of the failure

  std::vector<PagePtr> pages;  // by index; null where not cached
  std::uint64_t page_count() const { return (size_bytes + hw::kPageBytes - 1) / hw::kPageBytes; }
};

}  // namespace iodrome::kernel
