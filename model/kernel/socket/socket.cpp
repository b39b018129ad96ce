// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/socket/socket.h"

#include "model/events/net.h"
#include "model/kernel/mm/allocation.h"

namespace iodrome::kernel {

Socket::~Socket() {
  unacknowledged_.clear_and_dispose([](Segment* segment) { delete segment; });
  write_waiters_.clear_and_dispose([](IoWaitLink* link) { delete link; });
}

Task<Result<std::uint64_t>> Socket::try_send(Atomic& ctx, std::span<const PagePart> parts,
                                             IoWait* wait) {
  std::uint64_t room = space();
  if (room == 0) {
    no_space_ = true;
    if (wait != nullptr) {
      wait->stage = events::Stage::network;
      add_waiter(write_waiters_, *wait);
    }
    co_return fail(Errno::eagain);
  }
  std::uint64_t taken = 0;
  std::size_t next = 0;
  std::uint32_t skip = 0;  // bytes of parts[next] already taken
  while (next < parts.size() && room > 0) {
    if (allocation_fails(system_, "segment")) {
      if (taken == 0) co_return fail(Errno::enobufs);
      break;
    }
    auto* segment = new Segment;
    segment->socket = this;
    segment->stream_offset = next_offset_;
    const auto limit = std::min(room, static_cast<std::uint64_t>(params_.segment_bytes));
    while (next < parts.size() && segment->bytes < limit) {
      PagePart part = parts[next];
      part.offset += skip;
      part.bytes -= skip;
      const auto left = static_cast<std::uint32_t>(limit) - segment->bytes;
      if (part.bytes > left) {
        part.bytes = left;
        skip += left;
      } else {
        skip = 0;
        ++next;
      }
      segment->bytes += part.bytes;
      segment->parts.push_back(std::move(part));
    }
    room -= segment->bytes;
    taken += segment->bytes;
    // Accounted before any time passes: a second sender sees the room that is left.
    next_offset_ += segment->bytes;
    unacknowledged_.push_back(*segment);
    co_await ctx.spend(ctx.costs().socket_page, segment->parts.size());
    ctx.emit(events::NetDevXmit{connection_, segment->stream_offset, segment->bytes});
    co_await driver_.xmit(ctx, *segment);
    if (room != 0) room = std::min(room, space());
  }
  if (next < parts.size()) no_space_ = true;
  co_return taken;
}

Task<void> Socket::acknowledge(Atomic& ctx, std::uint64_t stream_offset) {
  check(stream_offset <= next_offset_, "the peer acknowledged bytes that were never sent");
  if (stream_offset <= acknowledged_) co_return;
  acknowledged_ = stream_offset;
  ctx.emit(events::TcpAck{connection_, stream_offset});
  while (!unacknowledged_.empty()) {
    Segment& oldest = unacknowledged_.front();
    if (oldest.stream_offset + oldest.bytes > stream_offset) break;
    unacknowledged_.pop_front();
    delete &oldest;
  }
  // As sk_stream_write_space: wake a sender only when a third of the buffer is free.
  if (!writable()) co_return;
  if (!write_waiters_.empty()) {
    ctx.emit(events::SockSendspace{connection_, space()});
    co_await notify_one(ctx, write_waiters_);
  }
  if (std::exchange(no_space_, false) && !pollers_.empty())
    co_await pollers_.wake_up(ctx, 1, kPollOut);
}

Task<PollEvents> Socket::poll(Sleepable&, const File&, PollTable* table) {
  if (table != nullptr) table->queue(pollers_);
  const bool out = writable();
  if (!out) no_space_ = true;
  return Task<PollEvents>::ready(PollEvents{out ? kPollOut : 0});
}

}  // namespace iodrome::kernel
