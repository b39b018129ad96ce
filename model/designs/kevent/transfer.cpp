// SPDX-License-Identifier: Apache-2.0
#include "model/designs/kevent/transfer.h"

#include <algorithm>

#include "model/events/io.h"

namespace iodrome::designs::kevent {

using namespace kernel;

namespace {

// Sent together: with MSG_MORE, TCP puts pages that follow one another into one segment.
constexpr std::uint64_t kSegmentPages = 16;

}  // namespace

// kaio_mpage_end_io_read() stands behind each bio; here, behind the pages that one bio has.
struct Transfer::PagesRead : IoWait, Pooled {
  PagesRead(Transfer& of, events::StageLedger* whose) : IoWait(&PagesRead::ended), transfer(of) {
    ledger = whose;
  }

  static Task<void> ended(Atomic& ctx, IoWait& self) {
    Transfer& of = static_cast<PagesRead&>(self).transfer;
    delete &static_cast<PagesRead&>(self);
    --of.in_flight_;
    if (!of.finished_) {
      if (ctx.ledger() == of.ledger_ && of.ledger_ != nullptr) {
        ctx.stop_work();
        of.ledger_->enter(events::Stage::queue, ctx.now());
      }
      // Where seven are there already, the next of them looks at everything that has come.
      of.append(&Transfer::read_send_pages);
      co_await of.threads_.schedule(ctx, of);
    }
    of.put();
  }

  Transfer& transfer;
  std::uint64_t pages = 0;
};

Transfer::Transfer(Os& os, KaioThreads& threads, KeventQueue& queue, const SendRequest& request,
                   FilePtr file, FilePtr socket, std::uint64_t window_pages)
    : os_(os),
      threads_(threads),
      queue_(queue),
      file_(std::move(file)),
      socket_(std::move(socket)),
      ledger_(request.ledger),
      stop_(request.offset + std::min(request.count, ~request.offset)),
      processed_(request.offset),
      next_read_(request.offset / kPage),
      window_(window_pages) {}

int Transfer::ended(Kevent& event) {
  auto& self = *static_cast<Transfer*>(event.origin);
  if (!self.finished_) return 0;
  const bool failed = self.error_ != Errno::ok;
  event.event.ret_data[0] = failed ? 0 : static_cast<std::uint32_t>(self.processed_);
  event.event.ret_data[1] = failed ? static_cast<std::uint32_t>(self.error_)
                                   : static_cast<std::uint32_t>(self.processed_ >> 32);
  self.put();
  return failed ? -1 : 1;
}

Task<int> Transfer::read_send_pages(Sleepable& ctx, KaioRequest& request) {
  auto& self = static_cast<Transfer&>(request);
  if (self.finished_) return Task<int>::ready(0);  // of a read that nobody needs any more
  return self.pass(ctx);
}

Task<int> Transfer::pass(Sleepable& ctx) {
  // While the device brings the next page, the request's time is the device's.
  const WorkOn work(ctx, front_awaited() ? nullptr : ledger_, events::Stage::kernel);
  bool productive = false;
  const Errno error = co_await send_pages(ctx, productive);
  window_.pass(productive);
  if (error != Errno::ok || processed_ >= end()) {
    co_await finish(ctx, error);
    co_return error == Errno::ok ? 0 : -1;
  }
  const int answer = co_await read_pages(ctx);
  co_return answer;
}

// kaio_vfs_read(): what there is, page after page, up to the first that is not there.
Task<Errno> Transfer::send_pages(Sleepable& ctx, bool& productive) {
  while (processed_ < end()) {
    PageParts parts;
    const Errno error = gather(parts);
    if (error != Errno::ok) co_return error;
    co_await ctx.spend(ctx.costs().page_lookup, std::max<std::size_t>(parts.size(), 1));
    if (parts.empty()) break;
    front_ = nullptr;  // from here on the parts hold it
    if (ctx.ledger() != ledger_) ctx.work_on(ledger_, events::Stage::kernel);
    const Result<std::uint64_t> taken = co_await send(ctx, parts);
    if (!taken) co_return taken.error();
    processed_ += *taken;
    productive = true;
  }
  co_return Errno::ok;
}

Page* Transfer::page_at(std::uint64_t index) const {
  const std::vector<PagePtr>& pages = file_->inode->pages;
  return index < pages.size() ? pages[index].get() : nullptr;
}

// Errors: EIO, the first page could not be read.
Errno Transfer::gather(PageParts& parts) {
  std::uint64_t at = processed_;
  const std::uint64_t last =
      std::min(end(), (at / kPage / kSegmentPages + 1) * kSegmentPages * kPage);
  while (at < last) {
    Page* page = os_.page_cache.find(*file_->inode, at / kPage);
    // Another page may have its place: a page that was waited for is used once, all the same.
    if (parts.empty() && front_ != nullptr) page = front_.get();
    if (page == nullptr || page->state == Page::State::reading) break;
    if (page->state == Page::State::error) return parts.empty() ? Errno::eio : Errno::ok;
    const std::uint64_t skip = at % kPage;
    const std::uint64_t bytes = std::min(kPage - skip, last - at);
    parts.push_back(
        {PagePtr(page), static_cast<std::uint32_t>(skip), static_cast<std::uint32_t>(bytes)});
    at += bytes;
  }
  return Errno::ok;
}

// ->sendpage() to a socket that blocks: for its room a thread of the pool sleeps.
Task<Result<std::uint64_t>> Transfer::send(Sleepable& ctx, const PageParts& parts) {
  const std::span<const PagePart> view(parts.data(), parts.size());
  for (;;) {
    BlockingWait wait(ctx);
    const Result<std::uint64_t> taken = co_await socket_->socket->try_send(ctx, view, &wait);
    if (taken || taken.error() != Errno::eagain) co_return taken;
    co_await wait.wait("kaio socket");
  }
}

// max_sane_readahead() lets a window have half of the memory that could be free.
std::uint64_t Transfer::window() const {
  const auto memory = static_cast<std::uint64_t>(os_.page_cache.params.capacity_bytes) / kPage;
  return std::min(window_.limit(), memory / 2);
}

Task<int> Transfer::read_pages(Sleepable& ctx) {
  const std::uint64_t front = processed_ / kPage;
  Page* const there = front_ != nullptr ? front_.get() : page_at(front);
  next_read_ = std::max(next_read_, front);
  // It was never asked for, or dropped before it was sent.
  if (there == nullptr) next_read_ = front;
  front_ = there;
  const std::uint64_t pages = (end() + kPage - 1) / kPage;
  std::uint64_t count = std::min(window(), pages - std::min(next_read_, pages));
  if (count == 0 && there == nullptr) count = 1;
  if (count > 0) {
    const Errno error = co_await issue(ctx, next_read_, count);
    if (error != Errno::ok) {
      co_await finish(ctx, error);
      co_return -1;
    }
  }
  if (!front_awaited()) {  // it has come meanwhile
    append(&Transfer::read_send_pages);
    co_return 0;
  }
  if (in_flight_ == 0) expect(front, front + 1, new PagesRead(*this, nullptr));
  park(ctx);
  co_return 1;
}

// Asks for pages. The device's time is the request's if it waits for the first of them.
// Errors: EIO, ENOMEM, where it waits for that.
Task<Errno> Transfer::issue(Sleepable& ctx, std::uint64_t first, std::uint64_t count) {
  const bool awaited = first == processed_ / kPage;
  auto* const read = new PagesRead(*this, awaited ? ledger_ : nullptr);
  HeldPages held;
  const Errno error = co_await os_.page_cache.read_pages(ctx, *file_->inode, first, count,
                                                         awaited ? read : nullptr, held);
  if (error != Errno::ok) {
    delete read;
    co_return awaited ? error : Errno::ok;
  }
  if (awaited) front_ = held.front();
  next_read_ = first + count;
  expect(first, first + count, read);
  co_return Errno::ok;
}

// Pages that are being read bring the transfer back, as many together as a bio has.
void Transfer::expect(std::uint64_t first, std::uint64_t end, PagesRead* next) {
  const auto per_bio = static_cast<std::uint64_t>(os_.page_cache.params.max_bio_bytes) / kPage;
  for (std::uint64_t index = first; index < end; ++index) {
    Page* const page =
        front_ != nullptr && index == processed_ / kPage ? front_.get() : page_at(index);
    const bool reading = page != nullptr && page->state == Page::State::reading;
    if (next->pages > 0 && (!reading || next->pages == per_bio))
      next = new PagesRead(*this, nullptr);
    if (!reading) continue;
    PageCache::await_page(*page, *next);
    if (next->pages++ == 0) {
      ++in_flight_;
      get();
    }
  }
  if (next->pages == 0) delete next;
}

// The device took over at its doorbell; else it waits in a queue.
void Transfer::park(Sleepable& ctx) {
  if (ledger_ == nullptr || ctx.ledger() != ledger_) return;
  ctx.stop_work();
  if (ledger_->stage() != events::Stage::device) ledger_->enter(events::Stage::queue, ctx.now());
}

Task<void> Transfer::finish(Sleepable& ctx, Errno error) {
  front_ = nullptr;
  error_ = error;
  // Whoever is told may close the file: nothing of it is held then.
  if (file_->references == 1) co_await last_reference(ctx, *file_->inode);
  file_ = nullptr;
  socket_ = nullptr;
  finished_ = true;
  // The event may be taken on another CPU before this context goes on.
  if (ctx.ledger() == ledger_) ctx.stop_work();
  co_await queue_.storage_ready(ctx, queue_.storage(), kMaskAll);
}

}  // namespace iodrome::designs::kevent
