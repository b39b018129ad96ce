// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/vfs/writeback.h"

#include <algorithm>

#include "model/kernel/vfs/file_content.h"
#include "model/kernel/vfs/flusher.h"

namespace iodrome::kernel {

struct Writeback::PageBio : Bio, Pooled {
  Writeback* owner = nullptr;
  Inode* inode = nullptr;
  boost::container::small_vector<PagePtr, 8> pages;
};

// The write of an inode's block, from a copy of it.
struct Writeback::InodeBio : Bio, Pooled {
  Inode* inode = nullptr;
  PagePtr buffer;
};

Writeback::Writeback(System& system, const PageCacheParams& params)
    : system_(system), params_(params) {}

Writeback::~Writeback() = default;

std::uint64_t Writeback::limit(Fraction of_capacity) const {
  const auto pages = static_cast<std::uint64_t>(params_.capacity_bytes) / hw::kPageBytes;
  return pages * static_cast<std::uint64_t>(of_capacity.parts_per_million) / 1'000'000;
}

void Writeback::list(Inode& inode) {
  const std::size_t volume = inode.volume->index();
  if (dirty_of_.size() <= volume) dirty_of_.resize(volume + 1);
  if (!std::exchange(inode.listed, true)) dirty_of_[volume].inodes.push_back(&inode);
  if (!dirty_of_[volume].flusher)
    dirty_of_[volume].flusher = std::make_unique<Flusher>(*this, *inode.volume);
  if (!std::exchange(ticking_, true)) system_.timeline.spawn(tick(), "dirty_writeback timer");
}

// It is as old as the oldest change that is not written.
void Writeback::note_age(Inode& inode) {
  if (inode.dirty.empty() && !inode.attributes_dirty) inode.dirtied_at = system_.timeline.now();
}

// Only while there is something to write: a machine at rest has no timer.
Task<void> Writeback::tick() {
  while (!nothing_listed()) {
    co_await sleep_for(system_.timeline, params_.dirty_writeback);
    for (const Dirty& dirty : dirty_of_)
      if (dirty.flusher) dirty.flusher->look_for_old();
  }
  ticking_ = false;
}

bool Writeback::nothing_listed() const {
  return std::ranges::all_of(dirty_of_, [](const Dirty& dirty) { return dirty.inodes.empty(); });
}

void Writeback::mark_dirty(Inode& inode, Page& page) {
  if (std::exchange(page.dirty, true)) return;
  ++dirty_;
  note_age(inode);
  inode.dirty.insert(page.index);
  list(inode);
}

void Writeback::mark_attributes_dirty(Inode& inode, bool size) {
  note_age(inode);
  inode.attributes_dirty = true;
  inode.size_dirty = inode.size_dirty || size;
  list(inode);
}

void Writeback::forget(Inode& inode, Page& page) {
  page.dirty = false;
  --dirty_;
  inode.dirty.erase(page.index);
}

void Writeback::forget(Inode& inode) {
  inode.attributes_dirty = inode.size_dirty = false;
  if (std::exchange(inode.listed, false)) dirty_of_[inode.volume->index()].inodes.remove(&inode);
}

Task<Errno> Writeback::try_balance(Atomic& ctx, IoWait& wait) {
  if (!over(params_.dirty_background)) co_return Errno::ok;
  for (std::size_t volume = 0; volume < dirty_of_.size(); ++volume)
    if (dirty_of_[volume].flusher) co_await dirty_of_[volume].flusher->wake(ctx);
  if (!over(params_.dirty)) co_return Errno::ok;
  wait.stage = events::Stage::queue;
  add_waiter(throttled_, wait);
  co_return Errno::eagain;
}

void Writeback::await_page(Page& page, IoWait& wait) {
  check(page.writeback, "waiting for a page nobody writes");
  wait.stage = events::Stage::queue;
  add_waiter(page.waiters, wait);
}

// The run of dirty pages from `first` on that lie together on the device.
Writeback::PageBio* Writeback::take_run(Inode& inode, std::uint64_t first, std::uint64_t most) {
  const BlockMapping place = inode.map(first);
  check(!place.hole, "a dirty page without a block");
  const auto per_bio = static_cast<std::uint64_t>(params_.max_bio_bytes) / hw::kPageBytes;
  const std::uint64_t end = first + std::min({most, per_bio, place.count});
  auto* const bio = new PageBio;
  bio->owner = this;
  bio->inode = &inode;
  bio->op = BlockOp::write;
  bio->sector = place.sector;
  bio->end_io = &Writeback::end_pages;
  ++inode.pins;
  for (std::uint64_t index = first; index < end && inode.dirty.contains(index); ++index) {
    Page& page = *inode.pages[index];
    if (page.writeback) break;
    forget(inode, page);
    page.writeback = true;
    ++written_back_;
    inode.writeback.insert(index);
    bio->pages.emplace_back(&page);
    bio->segments.push_back({page.address, hw::kPageBytes});
  }
  bio->bytes = static_cast<std::uint32_t>(bio->pages.size() * hw::kPageBytes);
  return bio;
}

Task<std::uint64_t> Writeback::start(Atomic& ctx, Inode& inode, std::uint64_t first,
                                     std::uint64_t last, std::uint64_t most,
                                     events::StageLedger* ledger, bool& skipped) {
  std::uint64_t started = 0;
  while (started < most) {
    const auto next = inode.dirty.lower_bound(first);
    if (next == inode.dirty.end() || *next > last) break;
    const std::uint64_t index = *next;
    if (inode.pages[index]->writeback) {
      skipped = true;
      first = index + 1;
      continue;
    }
    PageBio* const bio = take_run(inode, index, std::min(most - started, last - index + 1));
    const std::uint64_t count = bio->pages.size();
    bio->ledger = ledger;
    co_await ctx.spend(ctx.costs().filesystem_map);
    co_await ctx.spend(ctx.costs().page_writeback, count);
    co_await inode.volume->device().submit(ctx, *bio);
    started += count;
    first = index + count;
  }
  co_return started;
}

Task<void> Writeback::end_pages(Atomic& ctx, Bio& bio) {
  auto* const write = static_cast<PageBio*>(&bio);
  Writeback& owner = *write->owner;
  // As Linux: a page that could not be written is clean, and only the error remembers it.
  write->inode->write_error.set(bio.status);
  for (const PagePtr& page : write->pages) {
    page->writeback = false;
    write->inode->writeback.erase(page->index);
    --owner.written_back_;
  }
  for (const PagePtr& page : write->pages) co_await notify_all(ctx, page->waiters);
  InodePin::unpin(*write->inode);
  delete write;
  if (!owner.over(owner.params_.dirty)) co_await notify_all(ctx, owner.throttled_);
}

Task<Errno> Writeback::try_attributes(Atomic& ctx, Inode& inode, IoWait& wait) {
  if (!inode.attributes_writing && !inode.attributes_dirty) co_return Errno::ok;
  wait.stage = events::Stage::queue;
  add_waiter(inode.attributes_waiters, wait);
  if (!inode.attributes_writing) co_await start_attributes(ctx, inode, wait.ledger);
  co_return Errno::eagain;
}

Task<void> Writeback::start_attributes(Atomic& ctx, Inode& inode, events::StageLedger* ledger) {
  inode.attributes_dirty = inode.size_dirty = false;
  inode.attributes_writing = true;
  ++inode.pins;
  auto* const write = new InodeBio;
  write->inode = &inode;
  write->buffer = new Page(system_.memory);
  write->op = BlockOp::write;
  write->sector = inode.metadata_sector;
  write->bytes = hw::kPageBytes;
  write->segments.push_back({write->buffer->address, hw::kPageBytes});
  write->ledger = ledger;
  write->end_io = &Writeback::end_inode;
  if (system_.payload_checked)
    fill_content(0, inode.metadata_sector * 512,
                 system_.memory.bytes(write->buffer->address, hw::kPageBytes));
  co_await ctx.spend(ctx.costs().page_writeback);
  co_await inode.volume->device().submit(ctx, *write);
}

Task<void> Writeback::end_inode(Atomic& ctx, Bio& bio) {
  auto* const write = static_cast<InodeBio*>(&bio);
  Inode& inode = *write->inode;
  inode.write_error.set(bio.status);
  inode.attributes_writing = false;
  delete write;
  co_await notify_all(ctx, inode.attributes_waiters);
  InodePin::unpin(inode);
}

}  // namespace iodrome::kernel
