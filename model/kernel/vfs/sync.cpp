// SPDX-License-Identifier: Apache-2.0
// Bringing changes to the device and waiting for them.
#include <algorithm>

#include "model/kernel/vfs/fsnotify.h"
#include "model/kernel/vfs/run_blocking.h"
#include "model/kernel/vfs/write_ops.h"

namespace iodrome::kernel {

using Value = Result<std::int64_t>;

// A page that was dirty while it was on its way needs a second round; who dirties it after that is
// nobody's business here.
Task<Errno> RangeWrite::try_run(Atomic& ctx, Os& os, IoWait& wait) {
  Writeback& writeback = os.page_cache.writeback;
  for (; rounds_ < 2; ++rounds_) {
    if (!std::exchange(started_, true)) {
      skipped_ = false;
      cursor_ = first_;
      co_await writeback.start(ctx, inode_, first_, last_, ~std::uint64_t{0}, wait.ledger,
                               skipped_);
      ctx.set_stage(ctx.stage());  // the device may have taken the request over
    }
    const auto on_its_way = inode_.writeback.lower_bound(cursor_);
    if (on_its_way != inode_.writeback.end() && *on_its_way <= last_) {
      cursor_ = *on_its_way + 1;
      Writeback::await_page(*inode_.pages[*on_its_way], wait);
      co_return Errno::eagain;
    }
    if (!skipped_) break;
    started_ = false;
  }
  co_return Errno::ok;
}

Task<Value> FileSync::try_run(Atomic& ctx, Os& os, IoWait& wait) {
  if (file_->inode == nullptr) co_return fail(Errno::einval);
  Inode& inode = *file_->inode;
  if (!data_) {
    co_await ctx.spend(ctx.costs().fsync_call);
    data_.emplace(inode, 0, kLastPage);
  }
  const Errno waits = co_await try_parts(ctx, os, wait);
  if (waits == Errno::eagain) co_return fail(waits);
  const Errno error = inode.write_error.check_and_advance(file_->error_since);
  if (error != Errno::ok) co_return fail(error);
  if (flush_ && flush_->status != Errno::ok) co_return fail(flush_->status);
  co_return 0;
}

Task<Errno> FileSync::try_parts(Atomic& ctx, Os& os, IoWait& wait) {
  if (flush_) co_return Errno::ok;
  const Errno data = co_await data_->try_run(ctx, os, wait);
  if (data != Errno::ok) co_return data;
  Inode& inode = *file_->inode;
  // Its block may be on its way with what it was before; then it is written once more.
  while (attribute_rounds_ < 2 && (!data_only_ || inode.size_dirty || inode.attributes_writing)) {
    ++attribute_rounds_;
    const Errno block = co_await os.page_cache.writeback.try_attributes(ctx, inode, wait);
    if (block != Errno::ok) co_return block;
  }
  if (!inode.volume->device().volatile_cache()) co_return Errno::ok;
  wait.expect();  // held: a flush that ends before this call has returned tells nobody
  co_await start_flush(ctx, inode.volume->device(), wait);
  co_return --wait.pending == 0 ? Errno::ok : Errno::eagain;
}

Task<void> FileSync::start_flush(Atomic& ctx, BlockDevice& device, IoWait& wait) {
  flush_.emplace();
  flush_->op = BlockOp::flush;
  flush_->ledger = wait.ledger;
  flush_->wait = &wait;
  flush_->end_io = &FileSync::end_flush;
  wait.stage = events::Stage::queue;
  wait.expect();
  return device.submit(ctx, *flush_);
}

Task<void> FileSync::end_flush(Atomic& ctx, Bio& bio) {
  return static_cast<Flush&>(bio).wait->arrived(ctx);
}

Task<Result<PagePtr>> read_page_blocking(Sleepable& ctx, Os& os, Inode& inode, std::uint64_t index,
                                         std::uint64_t count) {
  for (;;) {
    HeldPages held;
    BlockingWait wait(ctx);
    const Errno error = co_await os.page_cache.read_pages(ctx, inode, index, count, &wait, held);
    if (error != Errno::ok) co_return fail(error);
    const PagePtr page = held.front();
    if (page->state == Page::State::error) co_return fail(Errno::eio);
    if (page->state == Page::State::uptodate && inode.pages[index] == page) co_return page;
    if (page->state != Page::State::reading) continue;
    PageCache::await_page(*page, wait);
    co_await wait.wait("page");
  }
}

namespace {

// Waits for what is on its way already.
Task<void> wait_for_range(Sleepable& ctx, Inode& inode, std::uint64_t first, std::uint64_t last) {
  for (;;) {
    const auto next = inode.writeback.lower_bound(first);
    if (next == inode.writeback.end() || *next > last) co_return;
    first = *next + 1;
    BlockingWait wait(ctx);
    Writeback::await_page(*inode.pages[*next], wait);
    co_await wait.wait("writeback");
  }
}

Task<void> lock(Sleepable& ctx, Inode& inode) {
  for (;;) {
    BlockingWait wait(ctx);
    if (inode.lock.try_lock(wait)) co_return;
    co_await wait.wait("inode lock");
  }
}

// The bytes behind the new end in its last block: zeros, should the file grow again.
Task<Errno> zero_tail(Sleepable& ctx, Os& os, Inode& inode, std::uint64_t size_bytes) {
  const std::uint64_t index = size_bytes / hw::kPageBytes;
  if (size_bytes % hw::kPageBytes == 0 || size_bytes >= inode.size_bytes) co_return Errno::ok;
  if (inode.map(index).hole) co_return Errno::ok;
  const Result<PagePtr> read = co_await read_page_blocking(ctx, os, inode, index, 1);
  if (!read) co_return read.error();
  Page* const page = read->get();
  if (ctx.system().payload_checked)
    std::ranges::fill(ctx.system()
                          .memory.bytes(page->address, hw::kPageBytes)
                          .subspan(size_bytes % hw::kPageBytes),
                      std::byte{0});
  os.page_cache.writeback.mark_dirty(inode, *page);
  co_return Errno::ok;
}

}  // namespace

Task<Value> pwrite_blocking(Sleepable& ctx, Os& os, FilePtr file, bool direct, std::uint64_t offset,
                            std::uint64_t bytes, std::span<const hw::PhysAddr> pages) {
  FileWrite write(file, direct, offset, bytes, pages);
  const Value written = co_await run_blocking(ctx, os, write, "write");
  if (written && *written > 0) co_await fsnotify(ctx, *file->inode, kInModify);
  co_return written;
}

Task<void> write_back_blocking(Sleepable& ctx, Os& os, const File& file, std::uint64_t offset,
                               std::uint64_t bytes) {
  RangeWrite range(*file.inode, offset / hw::kPageBytes, (offset + bytes - 1) / hw::kPageBytes);
  for (;;) {
    BlockingWait wait(ctx);
    const Errno waits = co_await range.try_run(ctx, os, wait);
    if (waits == Errno::ok) co_return;
    co_await wait.wait("writeback");
  }
}

Task<Value> fsync_blocking(Sleepable& ctx, Os& os, FilePtr file, bool data_only) {
  FileSync sync(std::move(file), data_only);
  co_return co_await run_blocking(ctx, os, sync, "fsync");
}

Task<Value> sync_range_blocking(Sleepable& ctx, Os& os, FilePtr file, std::uint64_t offset,
                                std::uint64_t bytes, SyncRange what) {
  if (file->inode == nullptr) co_return fail(Errno::espipe);
  co_await ctx.spend(ctx.costs().fsync_call);
  Inode& inode = *file->inode;
  const std::uint64_t first = offset / hw::kPageBytes;
  const std::uint64_t last = bytes == 0 ? kLastPage : (offset + bytes - 1) / hw::kPageBytes;
  if (what.wait_before) co_await wait_for_range(ctx, inode, first, last);
  bool skipped = false;
  // Nobody need be there when these end: their time is not this request's.
  if (what.write)
    co_await os.page_cache.writeback.start(ctx, inode, first, last, ~std::uint64_t{0}, nullptr,
                                           skipped);
  if (what.wait_after) co_await wait_for_range(ctx, inode, first, last);
  if (!what.wait_before && !what.wait_after) co_return 0;
  const Errno error = inode.write_error.check_and_advance(file->error_since);
  if (error != Errno::ok) co_return fail(error);
  co_return 0;
}

Task<Value> truncate_blocking(Sleepable& ctx, Os& os, FilePtr file, std::uint64_t size_bytes) {
  if (file->inode == nullptr || !file->writable) co_return fail(Errno::einval);
  co_await lock(ctx, *file->inode);
  co_return co_await truncate_locked(ctx, os, std::move(file), size_bytes);
}

Task<Value> truncate_locked(Sleepable& ctx, Os& os, FilePtr file, std::uint64_t size_bytes) {
  Inode& inode = *file->inode;
  Errno error = os.files.may_resize(inode, size_bytes);
  if (error == Errno::ok) error = co_await zero_tail(ctx, os, inode, size_bytes);
  if (error == Errno::ok && size_bytes != inode.size_bytes) {
    const std::uint64_t kept = (size_bytes + hw::kPageBytes - 1) / hw::kPageBytes;
    const bool shorter = size_bytes < inode.size_bytes;
    // Nobody reads beyond from here on; what the device is reading it may finish.
    inode.size_bytes = size_bytes;
    while (shorter && inode.unwritten(kept, kLastPage)) {
      os.page_cache.drop_dirty(inode, kept);
      co_await wait_for_range(ctx, inode, kept, kLastPage);
    }
    if (shorter) {
      os.page_cache.drop(inode, kept, kLastPage);
      inode.volume->release_blocks(inode, kept);
    }
    os.page_cache.writeback.mark_attributes_dirty(inode, true);
  }
  co_await inode.lock.unlock(ctx);
  if (error != Errno::ok) co_return fail(error);
  co_await fsnotify(ctx, inode, kInModify);
  co_return 0;
}

}  // namespace iodrome::kernel
