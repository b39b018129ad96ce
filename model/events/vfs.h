// SPDX-License-Identifier: Apache-2.0
// File events.
#pragma once
#include "model/events/probe.h"

namespace iodrome::events {

/// A path was looked up and a file opened.
struct FileOpen {
  static constexpr EventInfo info{"file_open", Subsystem::vfs, "inode result"};
  std::uint64_t inode;
  std::uint64_t result;
  Words2 words() const { return {inode, result}; }
};

/// A page enters the page cache, to be read.
struct PageCacheAdd {
  static constexpr EventInfo info{"mm_filemap_add_to_page_cache", Subsystem::vfs, "inode page"};
  std::uint64_t inode;
  std::uint64_t page;
  Words2 words() const { return {inode, page}; }
};

}  // namespace iodrome::events
