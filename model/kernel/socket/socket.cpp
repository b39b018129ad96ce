// SPDX-License-Identifier: Apache-2.0
// The sending side, and what a socket is ready for.
#include "model/kernel/socket/socket.h"

#include "model/events/net.h"
#include "model/kernel/mm/allocation.h"

namespace iodrome::kernel {

std::uint64_t bytes_of(const PageParts& parts) {
  std::uint64_t bytes = 0;
  for (const PagePart& part : parts) bytes += part.bytes;
  return bytes;
}

Task<void> NetDriver::xmit_frame(Atomic&, Socket&, StreamHeader) {
  fail_check("this device carries segments in one direction alone");
}

// Why nothing can be sent at all; ok if it is a matter of room.
Errno Socket::send_error() {
  if (!broken()) return Errno::ok;
  const Errno error = take_error();
  if (error != Errno::ok) return error;
  ++sigpipes_;
  return Errno::epipe;
}

Task<Result<std::uint64_t>> Socket::try_send(Atomic& ctx, std::span<const PagePart> parts,
                                             IoWait* wait) {
  const Errno error = send_error();
  if (error != Errno::ok) co_return fail(error);
  std::uint64_t room = has_room() ? space() : 0;
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
    const std::size_t pages = segment->parts.size();
    // Accounted before any time passes: a second sender sees the room that is left.
    next_offset_ += segment->bytes;
    unsent_.push_back(*segment);
    co_await ctx.spend(ctx.costs().socket_page, pages);
    co_await transmit(ctx);
    if ((shutdown_ & kSendShutdown) != 0) break;  // meanwhile; what was taken was taken
    if (room != 0) room = std::min(room, space());
  }
  if (next < parts.size()) no_space_ = true;
  co_return taken;
}

// The next segment for which there is a window, cut where that ends.
Segment* Socket::next_to_send() {
  if (unsent_.empty()) return nullptr;
  Segment& first = unsent_.front();
  if (first.stream_offset >= send_window_end_) return nullptr;
  const std::uint64_t room = send_window_end_ - first.stream_offset;
  if (first.bytes > room) {
    auto* rest = new Segment;
    rest->socket = this;
    rest->stream_offset = send_window_end_;
    rest->bytes = first.bytes - static_cast<std::uint32_t>(room);
    first.bytes = static_cast<std::uint32_t>(room);
    PageParts all = std::move(first.parts);
    first.parts.clear();
    std::uint64_t left = room;
    for (PagePart& part : all) {
      const auto here = static_cast<std::uint32_t>(std::min<std::uint64_t>(part.bytes, left));
      if (here != 0) first.parts.push_back({part.page, part.offset, here});
      if (here != part.bytes)
        rest->parts.push_back({part.page, part.offset + here, part.bytes - here});
      left -= here;
    }
    unsent_.insert(std::next(unsent_.begin()), *rest);
  }
  return &first;
}

// tcp_write_xmit(), and the FIN behind the last segment.
Task<void> Socket::transmit(Atomic& ctx) {
  if (transmitting_) co_return;
  transmitting_ = true;
  for (Segment* segment = next_to_send(); segment != nullptr; segment = next_to_send()) {
    unsent_.pop_front();
    unacknowledged_.push_back(*segment);
    ctx.emit(events::NetDevXmit{connection_, segment->stream_offset, segment->bytes});
    co_await driver_.xmit(ctx, *segment);
  }
  if (fin_queued_ && !fin_sent_ && unsent_.empty() && state_ == SocketState::established) {
    fin_sent_ = true;
    StreamHeader last = header();
    last.fin = true;
    co_await say(ctx, last);
  }
  transmitting_ = false;
}

Task<void> Socket::acknowledge(Atomic& ctx, std::uint64_t stream_offset) {
  check(stream_offset <= next_offset_ + (fin_sent_ ? 1 : 0),
        "the peer acknowledged bytes that were never sent");
  if (stream_offset > next_offset_) {
    fin_acknowledged_ = true;
    stream_offset = next_offset_;
  }
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

// What was not acknowledged is given up.
void Socket::purge() {
  for (auto* const list : {&unsent_, &unacknowledged_})
    list->clear_and_dispose([](Segment* segment) { delete segment; });
}

Task<PollEvents> Socket::poll(Sleepable&, const File&, PollTable* table) {
  if (table != nullptr) table->queue(pollers_);
  if (listening_ != nullptr)
    return Task<PollEvents>::ready(PollEvents{listening_->queue.empty() ? 0 : kPollIn});
  PollEvents ready = 0;
  if (shutdown_ == kBothShutdown || state_ == SocketState::closed) ready |= kPollHup;
  if ((shutdown_ & kRcvShutdown) != 0) ready |= kPollIn | kPollRdHup;
  if (state_ == SocketState::established || state_ == SocketState::closed) {
    if (!receive_queue_.empty()) ready |= kPollIn;
    const bool out = writable() || (shutdown_ & kSendShutdown) != 0;
    if (out)
      ready |= kPollOut;
    else
      no_space_ = true;
  }
  if (error_ != Errno::ok) ready |= kPollErr;
  return Task<PollEvents>::ready(PollEvents{ready});
}

}  // namespace iodrome::kernel
