// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/vfs/page_cache.h"

#include <algorithm>

#include "model/events/vfs.h"
#include "model/kernel/mm/allocation.h"

namespace iodrome::kernel {

struct PageCache::ReadBio : Bio, Pooled {
  boost::container::small_vector<PagePtr, 8> pages;
};

Page* PageCache::find(Inode& inode, std::uint64_t index) {
  if (index >= inode.pages.size() || inode.pages[index] == nullptr) return nullptr;
  Page& page = *inode.pages[index];
  lru_.erase(lru_.iterator_to(page));
  lru_.push_back(page);
  return &page;
}

// Null if there is no memory for it.
Page* PageCache::add_page(Inode& inode, std::uint64_t index) {
  if (allocation_fails(system_, "page cache")) return nullptr;
  evict();
  if (inode.pages.size() <= index) inode.pages.resize(std::max(inode.page_count(), index + 1));
  if (inodes_.size() <= inode.number) inodes_.resize(inode.number + 1);
  inodes_[inode.number] = &inode;
  auto* page = new Page(system_.memory);
  page->state = Page::State::reading;
  page->inode = inode.number;
  page->index = index;
  inode.pages[index] = page;
  lru_.push_back(*page);
  return page;
}

void PageCache::evict() {
  const auto limit = static_cast<std::size_t>(params.capacity_bytes) / hw::kPageBytes;
  // Look at a few, as reclaim does.
  for (int tries = 0; lru_.size() >= limit && tries < 64 && !lru_.empty(); ++tries) evict_oldest();
}

// Pages that are being read or written, or that a pipe or socket holds, stay: false.
bool PageCache::evict_oldest() {
  Page& oldest = lru_.front();
  lru_.pop_front();
  if (oldest.state == Page::State::reading || oldest.dirty || oldest.references > 1) {
    lru_.push_back(oldest);
    return false;
  }
  inodes_[oldest.inode]->pages[oldest.index] = nullptr;  // the last reference: the page is gone
  return true;
}

std::uint64_t PageCache::shrink(std::uint64_t pages) {
  std::uint64_t freed = 0;
  for (std::size_t left = lru_.size(); left > 0 && freed < pages; --left)
    if (evict_oldest()) ++freed;
  return freed;
}

void PageCache::remove(Inode& inode, std::uint64_t index) {
  lru_.erase(lru_.iterator_to(*inode.pages[index]));
  inode.pages[index] = nullptr;
}

void PageCache::drop(Inode& inode, std::uint64_t first, std::uint64_t last) {
  const std::uint64_t end = std::min<std::uint64_t>(inode.pages.size(), last + 1);
  for (std::uint64_t index = first; index < end; ++index) {
    const Page* const page = inode.pages[index].get();
    if (page != nullptr && !page->dirty && !page->writeback) remove(inode, index);
  }
}

void PageCache::drop_dirty(Inode& inode, std::uint64_t first) {
  while (!inode.dirty.empty() && *inode.dirty.rbegin() >= first)
    writeback.forget(inode, *inode.pages[*inode.dirty.rbegin()]);
}

void PageCache::forget(Inode& inode) {
  drop_dirty(inode, 0);
  writeback.forget(inode);
  drop(inode, 0, inode.pages.size());
  if (inode.number < inodes_.size()) inodes_[inode.number] = nullptr;
}

Task<void> PageCache::fill_done(Atomic& ctx, Page& page) {
  page.state = Page::State::uptodate;
  return notify_all(ctx, page.waiters);
}

// No block of the device stands behind these pages: they are zeros.
Task<void> PageCache::fill_hole(Atomic& ctx, std::span<const PagePtr> pages) {
  for (const PagePtr& page : pages) {
    ctx.emit(events::PageCacheAdd{page->inode, page->index});
    if (system_.payload_checked)
      std::ranges::fill(system_.memory.bytes(page->address, hw::kPageBytes), std::byte{0});
    co_await fill_done(ctx, *page);
  }
}

void PageCache::await_page(Page& page, IoWait& wait) {
  check(page.state == Page::State::reading, "waiting for a page nobody reads");
  add_waiter(page.waiters, wait);
}

Task<Errno> PageCache::read_pages(Atomic& ctx, Inode& inode, std::uint64_t first,
                                  std::uint64_t count, IoWait* wait, HeldPages& held) {
  co_await ctx.spend(ctx.costs().page_lookup, count);
  bool all_there = true;
  for (std::uint64_t i = 0; i < count;) {
    Page* const page = find(inode, first + i);
    if (page == nullptr) {
      std::uint64_t missing = 0;
      do {
        Page* const added = add_page(inode, first + i + missing);
        if (added == nullptr) {
          count = i + missing;
          break;
        }
        if (i + missing++ == 0) held.emplace_back(added);
      } while (i + missing < count && find(inode, first + i + missing) == nullptr);
      if (missing == 0) co_return i == 0 ? Errno::enomem : Errno::ok;
      // Whoever waits, waits for the first page: the device's time for the others is nobody's.
      co_await submit_read(ctx, inode, first + i, missing, i == 0 ? wait : nullptr);
      all_there = false;
      i += missing;
      continue;
    }
    if (page->state == Page::State::error && i == 0) co_return Errno::eio;
    all_there = all_there && page->state == Page::State::uptodate;
    if (all_there || i == 0) held.emplace_back(page);
    ++i;
  }
  co_return Errno::ok;
}

Task<void> PageCache::submit_read(Atomic& ctx, Inode& inode, std::uint64_t first,
                                  std::uint64_t count, IoWait* wait) {
  // Pin the range first: the spends below let other code run, which may evict.
  boost::container::small_vector<PagePtr, 32> pages;
  for (std::uint64_t i = 0; i < count; ++i) pages.push_back(inode.pages[first + i]);
  co_await ctx.spend(ctx.costs().page_insert, count);
  const auto per_bio = static_cast<std::uint64_t>(params.max_bio_bytes) / hw::kPageBytes;
  for (std::uint64_t done = 0; done < count;) {
    co_await ctx.spend(ctx.costs().filesystem_map);
    const BlockMapping place = inode.map(first + done);
    const std::uint64_t part =
        std::min(place.hole ? count - done : std::min(per_bio, count - done), place.count);
    if (place.hole) {
      co_await fill_hole(ctx, std::span<const PagePtr>(pages.data() + done, part));
      done += part;
      continue;
    }
    auto* bio = new ReadBio;
    bio->op = BlockOp::read;
    bio->sector = place.sector;
    bio->bytes = static_cast<std::uint32_t>(part * hw::kPageBytes);
    if (done == 0 && wait != nullptr) wait->charge(*bio);
    bio->end_io = &PageCache::end_read;
    for (std::uint64_t i = 0; i < part; ++i) {
      const PagePtr& page = pages[done + i];
      ctx.emit(events::PageCacheAdd{inode.number, page->index});
      bio->pages.push_back(page);
      bio->segments.push_back({page->address, hw::kPageBytes});
    }
    done += part;
    co_await inode.volume->device().submit(ctx, *bio);
  }
}

Task<void> PageCache::end_read(Atomic& ctx, Bio& bio) {
  auto* const read = static_cast<ReadBio*>(&bio);
  // All pages first: whoever is told of the first one may go on with the others.
  for (const PagePtr& page : read->pages)
    page->state = bio.status == Errno::ok ? Page::State::uptodate : Page::State::error;
  for (const PagePtr& page : read->pages) co_await notify_all(ctx, page->waiters);
  delete read;
}

}  // namespace iodrome::kernel
