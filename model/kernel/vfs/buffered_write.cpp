// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "model/kernel/mm/copy.h"
#include "model/kernel/vfs/write_ops.h"

namespace iodrome::kernel {

Task<Result<std::int64_t>> BufferedWrite::try_run(Atomic& ctx, Os& os, IoWait& wait) {
  Errno error = co_await begin(ctx, os, wait);
  if (error == Errno::ok) error = co_await write_pages(ctx, os, wait);
  if (error == Errno::eagain) co_return fail(error);
  page_ = nullptr;
  if (std::exchange(locked_, false)) co_await file_->inode->lock.unlock(ctx);
  if (error != Errno::ok && done_ == 0) co_return fail(error);
  co_return static_cast<std::int64_t>(done_);
}

// The checks and the lock; ok once they are behind it.
Task<Errno> BufferedWrite::begin(Atomic& ctx, Os& os, IoWait& wait) {
  if (locked_) co_return Errno::ok;
  if (file_->inode == nullptr || !file_->writable) co_return Errno::ebadf;
  if (!std::exchange(called_, true)) co_await ctx.spend(ctx.costs().vfs_write);
  if (left_ == 0) co_return Errno::ok;
  Inode& inode = *file_->inode;
  if (!inode.lock.try_lock(wait)) co_return Errno::eagain;
  locked_ = true;
  if (file_->append) offset_ = inode.size_bytes;
  const Result<std::uint64_t> allowed = os.files.may_write(offset_, left_);
  if (!allowed) co_return allowed.error();
  left_ = *allowed;
  co_return Errno::ok;
}

Task<Errno> BufferedWrite::write_pages(Atomic& ctx, Os& os, IoWait& wait) {
  Writeback& writeback = os.page_cache.writeback;
  while (left_ > 0 || balance_) {
    if (balance_) {
      const Errno held_up = co_await writeback.try_balance(ctx, wait);
      if (held_up != Errno::ok) co_return held_up;
      balance_ = false;
      continue;
    }
    const auto bytes =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(kPage - offset_ % kPage, left_));
    const Errno error = co_await get_page(ctx, os, bytes, wait);
    if (error != Errno::ok) co_return error;
    co_await ctx.spend(ctx.costs().page_write);
    co_await fill(ctx, bytes);
    Inode& inode = *file_->inode;
    const bool cached = still_cached(inode);
    if (cached) writeback.mark_dirty(inode, *page_);
    // Who waits for a page that was there already waits for its writeback, which goes on.
    page_->state = Page::State::uptodate;
    if (std::exchange(filling_, false)) co_await PageCache::fill_done(ctx, *page_);
    if (!cached) continue;
    page_ = nullptr;
    offset_ += bytes;
    left_ -= bytes;
    done_ += bytes;
    const bool larger = offset_ > inode.size_bytes;
    if (larger) inode.size_bytes = offset_;
    writeback.mark_attributes_dirty(inode, larger);
    balance_ = left_ == 0 || offset_ / kPage % 16 == 0;
  }
  co_return Errno::ok;
}

// Holds in `page_` the page at `offset_`, with a block behind it: whole and uptodate, or new.
Task<Errno> BufferedWrite::get_page(Atomic& ctx, Os& os, std::uint32_t bytes, IoWait& wait) {
  Inode& inode = *file_->inode;
  PageCache& cache = os.page_cache;
  const std::uint64_t index = offset_ / kPage;
  co_await ctx.spend(ctx.costs().page_lookup);
  page_ = cache.find(inode, index);
  const bool hole = inode.map(index).hole;
  // What is about to be overwritten need not be read, and before the first write there is nothing.
  const bool nothing_to_keep = hole || bytes == kPage || index * kPage >= inode.size_bytes;
  if (hole && inode.volume->full()) co_return Errno::enospc;
  if (page_ == nullptr && nothing_to_keep) {
    page_ = cache.add_filling(inode, index);
    if (page_ == nullptr) co_return Errno::enomem;
    filling_ = true;
  }
  if (hole) check(inode.volume->allocate(inode, index).has_value(), "a device full all at once");
  if (filling_) co_await ctx.spend(ctx.costs().page_insert);
  if (hole) co_await ctx.spend(ctx.costs().block_alloc);
  if (filling_) co_return Errno::ok;
  if (page_ == nullptr) {
    HeldPages held;
    const Errno error = co_await cache.read_pages(ctx, inode, index, 1, &wait, held);
    if (error != Errno::ok) co_return error;
    page_ = held.front();
  }
  if (page_->state == Page::State::reading) {
    wait.stage = events::Stage::queue;
    PageCache::await_page(*page_, wait);
    co_return Errno::eagain;
  }
  co_return page_->state == Page::State::error&& bytes < kPage ? Errno::eio : Errno::ok;
}

// Copies the user's bytes into the page; a new one is zero around them.
Task<void> BufferedWrite::fill(Atomic& ctx, std::uint32_t bytes) {
  const auto skip = static_cast<std::uint32_t>(offset_ % kPage);
  if (filling_ && bytes < kPage && ctx.system().payload_checked)
    std::ranges::fill(ctx.system().memory.bytes(page_->address, kPage), std::byte{0});
  for (std::uint32_t copied = 0; copied < bytes;) {
    const std::uint64_t at = done_ + copied;
    const auto piece =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes - copied, kPage - at % kPage));
    co_await copy_bytes(ctx, page_->address + skip + copied, pages_[at / kPage] + at % kPage, piece,
                        CacheState::hot);
    copied += piece;
  }
}

// Whether the cache has still the page that was filled: a direct write may have dropped it.
bool BufferedWrite::still_cached(const Inode& inode) const {
  return page_->index < inode.pages.size() && inode.pages[page_->index] == page_;
}

}  // namespace iodrome::kernel
