// SPDX-License-Identifier: Apache-2.0
// Pages of physical memory with a count of who holds them: the page cache, pipes and socket buffers
// share payload by reference.
#pragma once
#include <boost/intrusive/list.hpp>
#include <boost/intrusive_ptr.hpp>

#include "model/engine/frame_pool.h"
#include "model/kernel/sync/io_wait.h"

namespace iodrome::kernel {

inline constexpr std::uint64_t kPage = hw::kPageBytes;
/// Of the longest file: an index no page exceeds.
inline constexpr std::uint64_t kLastPage = ~std::uint64_t{0} / kPage;

/// One 4 KiB page. The last reference gives the memory back.
struct Page : boost::intrusive::list_base_hook<>, Pooled {
  enum class State : std::uint8_t { reading, uptodate, error };

  explicit Page(hw::Memory& from) : memory(from), address(from.allocate_page()) {}
  ~Page() { memory.free_page(address); }
  Page(const Page&) = delete;
  Page& operator=(const Page&) = delete;

  hw::Memory& memory;
  hw::PhysAddr address;
  std::uint32_t references = 0;
  std::uint32_t pins = 0;  // of them, those of pin_user_pages()
  State state = State::uptodate;
  bool dirty = false;
  bool writeback = false;  // on its way to the device
  IoWaitList waiters;      // for the end of the read, or of the writeback

  // Where the page cache keeps it; no inode once it was evicted.
  std::uint64_t inode = 0;
  std::uint64_t index = 0;
};

inline void intrusive_ptr_add_ref(Page* page) {
  ++page->references;
}
inline void intrusive_ptr_release(Page* page) {
  if (--page->references == 0) delete page;
}
using PagePtr = boost::intrusive_ptr<Page>;

/// A piece of a page that a pipe or a segment holds.
struct PagePart {
  PagePtr page;
  std::uint32_t offset = 0;
  std::uint32_t bytes = 0;
};

}  // namespace iodrome::kernel
