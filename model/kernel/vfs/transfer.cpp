// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/mm/allocation.h"
#include "model/kernel/mm/copy.h"
#include "model/kernel/vfs/file_ops.h"
#include "model/kernel/vfs/fsnotify.h"
#include "model/kernel/vfs/run_blocking.h"

namespace iodrome::kernel {

namespace {

std::span<const PagePart> view(const PageParts& parts) {
  return {parts.data(), parts.size()};
}

constexpr std::uint64_t kWindowPages =
    16;  // one segment's worth: the unit in which sendfile goes on

// Makes the pages under [offset, offset + bytes) arrive, reading ahead. Puts into `parts` what is
// there, never nothing; EAGAIN with `wait` armed on the first page if it is not. That page is held
// in `awaited`: nobody can drop it before it has been used once, so every wait brings the transfer
// on.
Task<Errno> ready_parts(Atomic& ctx, Os& os, Inode& inode, std::uint64_t offset,
                        std::uint64_t bytes, IoWait& wait, PagePtr& awaited, PageParts& parts) {
  PageCache& cache = os.page_cache;
  const std::uint64_t first = offset / hw::kPageBytes;
  const std::uint64_t last = (offset + bytes - 1) / hw::kPageBytes;
  const Page* const page = cache.find(inode, first);
  const bool cold = page == nullptr || page->state != Page::State::uptodate;
  std::uint64_t count = last - first + 1;
  if (cold) {
    const auto ahead = static_cast<std::uint64_t>(cache.params.readahead_bytes) / hw::kPageBytes;
    count = std::min(std::max(count, ahead), inode.page_count() - first);
  }
  HeldPages held;
  const Errno error =
      co_await cache.read_pages(ctx, inode, first, count, cold ? &wait : nullptr, held);
  awaited = nullptr;
  if (error != Errno::ok) co_return error;
  // It may have arrived, well or not, while the rest was being submitted.
  if (held.front()->state == Page::State::error) co_return Errno::eio;
  if (held.front()->state == Page::State::reading) {
    awaited = held.front();
    wait.stage = events::Stage::queue;
    PageCache::await_page(*awaited, wait);
    co_return Errno::eagain;
  }
  for (const PagePtr& there : held) {
    if (bytes == 0) break;
    const auto skip = static_cast<std::uint32_t>(offset % hw::kPageBytes);
    const auto size =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(hw::kPageBytes - skip, bytes));
    parts.push_back({there, skip, size});
    offset += size;
    bytes -= size;
  }
  co_return Errno::ok;
}

}  // namespace

Task<Result<PageParts>> BufferedRead::next_parts(Atomic& ctx, Os& os, IoWait& wait) {
  if (file_->inode == nullptr || !file_->readable) co_return fail(Errno::ebadf);
  if (file_->inode->directory != nullptr) co_return fail(Errno::eisdir);
  Inode& inode = *file_->inode;
  PageParts parts;
  if (left_ == 0 || offset_ >= inode.size_bytes) co_return parts;
  const std::uint64_t window = kWindowPages * hw::kPageBytes - offset_ % hw::kPageBytes;
  const std::uint64_t want = std::min({window, left_, inode.size_bytes - offset_});
  const Errno error = co_await ready_parts(ctx, os, inode, offset_, want, wait, awaited_, parts);
  if (error != Errno::ok) co_return fail(error);
  co_return parts;
}

Task<Result<std::int64_t>> BufferedRead::try_run(Atomic& ctx, Os& os, IoWait& wait) {
  for (;;) {
    const Result<PageParts> parts = co_await next_parts(ctx, os, wait);
    if (!parts) co_return fail(parts.error());
    if (parts->empty()) co_return static_cast<std::int64_t>(done_);
    for (const PagePart& part : *parts) {
      // Source and destination pages need not be aligned to each other.
      for (std::uint32_t moved = 0; moved < part.bytes;) {
        const auto at = static_cast<std::uint32_t>(done_ % hw::kPageBytes);
        const std::uint32_t piece =
            std::min(part.bytes - moved, static_cast<std::uint32_t>(hw::kPageBytes) - at);
        co_await copy_bytes(ctx, pages_[done_ / hw::kPageBytes] + at,
                            part.page->address + part.offset + moved, piece, CacheState::cold);
        moved += piece;
        copied(piece);
      }
    }
  }
}

Task<Result<std::int64_t>> FileSend::try_run(Atomic& ctx, Os& os, IoWait& wait) {
  if (file_->inode == nullptr || socket_->socket == nullptr) co_return fail(Errno::ebadf);
  if (file_->inode->directory != nullptr) co_return fail(Errno::einval);
  Inode& inode = *file_->inode;
  no_room_ = false;
  while (left_ > 0 && offset_ < inode.size_bytes) {
    const std::uint64_t window = kWindowPages * hw::kPageBytes - offset_ % hw::kPageBytes;
    const std::uint64_t want = std::min({window, left_, inode.size_bytes - offset_});
    PageParts parts;
    const Errno error = co_await ready_parts(ctx, os, inode, offset_, want, wait, awaited_, parts);
    if (error != Errno::ok) co_return fail(error);
    const Result<std::uint64_t> taken = co_await socket_->socket->try_send(ctx, view(parts), &wait);
    no_room_ = !taken && taken.error() == Errno::eagain;
    if (!taken) co_return fail(taken.error());
    offset_ += *taken;
    left_ -= *taken;
    sent_ += *taken;
  }
  co_return static_cast<std::int64_t>(sent_);
}

namespace {

// A page is waited for whatever the socket's flags say, as Linux does.
Task<Result<std::int64_t>> send_what_fits(Sleepable& ctx, Os& os, FileSend& transfer) {
  for (;;) {
    BlockingWait wait(ctx);
    const Result<std::int64_t> all = co_await transfer.try_run(ctx, os, wait);
    if (all || all.error() != Errno::eagain) co_return all;
    if (!transfer.no_room()) {
      co_await wait.wait("sendfile");
      continue;
    }
    withdraw(wait);
    if (transfer.sent() == 0) co_return all;
    co_return static_cast<std::int64_t>(transfer.sent());
  }
}

}  // namespace

Task<Result<std::int64_t>> sendfile_blocking(Sleepable& ctx, Os& os, FilePtr socket, FilePtr file,
                                             std::uint64_t offset, std::uint64_t bytes) {
  co_await ctx.spend(ctx.costs().splice_call);
  FileSend transfer(file, socket, offset, bytes);
  Task<Result<std::int64_t>> sending = socket->nonblocking
                                           ? send_what_fits(ctx, os, transfer)
                                           : run_blocking(ctx, os, transfer, "sendfile");
  const Result<std::int64_t> sent = co_await std::move(sending);
  if (sent && *sent > 0) co_await fsnotify(ctx, *file->inode, kInAccess);
  co_return sent;
}

Task<Result<std::int64_t>> try_splice_in(Atomic& ctx, Os& os, File& file, Pipe& pipe,
                                         std::uint64_t offset, std::uint64_t bytes, IoWait& wait,
                                         PagePtr& awaited) {
  if (file.inode == nullptr) co_return fail(Errno::ebadf);
  if (file.inode->directory != nullptr) co_return fail(Errno::einval);
  Inode& inode = *file.inode;
  if (offset >= inode.size_bytes || bytes == 0) co_return 0;
  const std::uint64_t room = pipe.free_slots() * hw::kPageBytes;
  if (room == 0)
    co_return fail(Errno::ebusy);  // splice would wait for the other end; no caller here does
  const std::uint64_t want =
      std::min({bytes, inode.size_bytes - offset, room - offset % hw::kPageBytes});
  PageParts parts;
  const Errno error = co_await ready_parts(ctx, os, inode, offset, want, wait, awaited, parts);
  if (error != Errno::ok) co_return fail(error);
  std::int64_t moved = 0;
  for (PagePart& part : parts) {
    if (pipe.full()) break;
    moved += part.bytes;
    pipe.push(std::move(part));
  }
  co_await ctx.spend(ctx.costs().splice_page, parts.size());
  co_await pipe.notify(ctx, kPollIn);
  co_return moved;
}

Task<Result<std::int64_t>> try_splice_out(Atomic& ctx, Pipe& pipe, Socket& socket,
                                          std::uint64_t bytes, IoWait& wait) {
  PageParts parts;
  std::uint64_t left = bytes;
  for (const PagePart& held : pipe.parts()) {
    if (left == 0) break;
    PagePart part = held;
    part.bytes = static_cast<std::uint32_t>(std::min<std::uint64_t>(part.bytes, left));
    left -= part.bytes;
    parts.push_back(std::move(part));
  }
  if (parts.empty()) co_return 0;
  co_await ctx.spend(ctx.costs().splice_page, parts.size());
  const Result<std::uint64_t> taken = co_await socket.try_send(ctx, view(parts), &wait);
  if (!taken) co_return fail(taken.error());
  pipe.consume(*taken);
  co_await pipe.notify(ctx, kPollOut);
  co_return static_cast<std::int64_t>(*taken);
}

Task<Result<std::int64_t>> splice_in_blocking(Sleepable& ctx, Os& os, FilePtr file, Pipe& pipe,
                                              std::uint64_t offset, std::uint64_t bytes) {
  co_await ctx.spend(ctx.costs().splice_call);
  std::uint64_t done = 0;
  PagePtr awaited;
  while (done < bytes && !pipe.full()) {
    BlockingWait wait(ctx);
    const Result<std::int64_t> moved =
        co_await try_splice_in(ctx, os, *file, pipe, offset + done, bytes - done, wait, awaited);
    if (!moved && moved.error() != Errno::eagain) co_return moved;
    if (!moved) {
      co_await wait.wait("splice from file");
      continue;
    }
    if (*moved == 0) break;  // the end of the file
    done += static_cast<std::uint64_t>(*moved);
  }
  if (done != 0) co_await fsnotify(ctx, *file->inode, kInAccess);
  co_return static_cast<std::int64_t>(done);
}

Task<Result<std::int64_t>> splice_out_blocking(Sleepable& ctx, Os&, Pipe& pipe, FilePtr socket,
                                               std::uint64_t bytes) {
  if (socket->socket == nullptr) co_return fail(Errno::ebadf);
  co_await ctx.spend(ctx.costs().splice_call);
  std::uint64_t done = 0;
  while (done < bytes && !pipe.empty()) {
    BlockingWait wait(ctx);
    const Result<std::int64_t> moved =
        co_await try_splice_out(ctx, pipe, *socket->socket, bytes - done, wait);
    if (!moved && moved.error() != Errno::eagain) co_return moved;
    if (!moved) {
      co_await wait.wait("splice to socket");
      continue;
    }
    done += static_cast<std::uint64_t>(*moved);
  }
  co_return static_cast<std::int64_t>(done);
}

Task<Result<std::int64_t>> UserSend::try_run(Atomic& ctx, Os& os, IoWait& wait) {
  if (socket_->socket == nullptr) co_return fail(Errno::ebadf);
  Socket& socket = *socket_->socket;
  while (left_ > 0) {
    if (sent_ > 0 && socket.broken()) break;  // the next call hears of it
    if (!socket.has_room()) {
      // Nothing is copied before there is room for it.
      const Result<std::uint64_t> none = co_await socket.try_send(ctx, {}, &wait);
      if (!none) co_return fail(none.error());
      continue;
    }
    if (allocation_fails(os.system, "send page")) {
      if (sent_ > 0) break;
      co_return fail(Errno::enobufs);
    }
    const std::uint64_t at = (from_ + sent_) % hw::kPageBytes;
    PagePart part{PagePtr{new Page(os.system.memory)}, 0,
                  static_cast<std::uint32_t>(std::min<std::uint64_t>(hw::kPageBytes - at, left_))};
    co_await copy_bytes(ctx, part.page->address, pages_[(from_ + sent_) / hw::kPageBytes] + at,
                        part.bytes, CacheState::cold);
    const Result<std::uint64_t> taken = co_await socket.try_send(ctx, {&part, 1}, &wait);
    // What went before counts; an end of the connection is told to the next call as well.
    if (!taken && taken.error() != Errno::eagain && sent_ > 0) break;
    if (!taken) co_return fail(taken.error());
    sent_ += *taken;
    left_ -= *taken;
  }
  co_return static_cast<std::int64_t>(sent_);
}

Task<Result<std::int64_t>> send_blocking(Sleepable& ctx, Os& os, FilePtr socket,
                                         std::span<const hw::PhysAddr> pages, std::uint64_t bytes,
                                         std::uint64_t from) {
  co_await ctx.spend(ctx.costs().socket_send);
  UserSend transfer(socket, pages, bytes, from);
  if (!socket->nonblocking) co_return co_await run_blocking(ctx, os, transfer, "send");
  BlockingWait wait(ctx);
  const Result<std::int64_t> all = co_await transfer.try_run(ctx, os, wait);
  withdraw(wait);
  if (!all && all.error() == Errno::eagain && transfer.sent() > 0) co_return transfer.sent();
  co_return all;
}

}  // namespace iodrome::kernel
