// SPDX-License-Identifier: Apache-2.0
// The receiving side: the queue, the window it allows, and who reads.
#include "model/events/net.h"
#include "model/kernel/mm/copy.h"
#include "model/kernel/socket/socket.h"

namespace iodrome::kernel {

// --- the window ---------------------------------------------------------------------------------

StreamHeader Socket::header() {
  StreamHeader now;
  now.ack = true;
  now.offset = unsent_.empty() ? next_offset_ : unsent_.front().stream_offset;
  now.acknowledged = received_ + (fin_received_ ? 1 : 0);
  now.window_end = advertise();
  return now;
}

// __tcp_select_window(): no silly windows. With less than half of the buffer free, nothing is
// offered that is below a segment or a sixteenth of the buffer.
std::uint64_t Socket::select_window() const {
  const std::uint64_t buffer = buffer_bytes();
  const std::uint64_t free = buffer - bytes_held();
  const std::uint64_t segment = std::min(largest_segment_, buffer);
  if (free < buffer / 2 && (free < buffer / 16 || free < segment)) return 0;
  return free;
}

// tcp_select_window(): what was once offered is never taken back.
std::uint64_t Socket::advertise() {
  window_end_ = std::max(window_end_, received_ + early_ + select_window());
  return window_end_;
}

// tcp_cleanup_rbuf(): a reader has made room. The peer is told when at most half of the buffer was
// open to it, and what is offered now is at least twice that.
Task<void> Socket::window_update(Atomic& ctx) {
  if (state_ != SocketState::established || fin_received_) co_return;
  const std::uint64_t open = window_end_ - received_;
  if (2 * open > buffer_bytes()) co_return;
  const std::uint64_t now = select_window();
  if (now == 0 || now < 2 * open) co_return;
  co_await say(ctx, header());
}

// --- from below ---------------------------------------------------------------------------------

Task<void> Socket::receive(Atomic& ctx, const StreamHeader& header, PageParts parts) {
  if (header.rst) {
    const Errno after_fin = fin_received_ ? Errno::epipe : Errno::econnreset;
    co_return co_await reset(ctx,
                             state_ == SocketState::syn_sent ? Errno::econnrefused : after_fin);
  }
  if (state_ == SocketState::syn_sent) {
    if (header.syn && header.ack) co_await established(ctx, header);
    co_return;
  }
  if (header.syn) co_return;  // the handshake once more
  if (state_ == SocketState::syn_received) co_await handshake_ended(ctx);
  co_await acknowledge(ctx, header.acknowledged);
  send_window_end_ = std::max(send_window_end_, header.window_end);
  co_await transmit(ctx);
  if (state_ != SocketState::established) co_return;  // meanwhile
  if (header.fin) fin_at_ = header.offset;
  if (!parts.empty()) co_await deliver(ctx, header, std::move(parts));
  if (fin_at_ == received_ && !fin_received_ && state_ == SocketState::established)
    co_await take_fin(ctx);
  finish_if_done();
}

Task<void> Socket::deliver(Atomic& ctx, const StreamHeader& from, PageParts parts) {
  const std::uint64_t offset = from.offset;
  const std::uint64_t bytes = bytes_of(parts);
  // Nobody will ever read it: TCPABORTONDATA.
  if (fin_queued_ && (shutdown_ & kRcvShutdown) != 0) co_return co_await abort(ctx);
  const bool known = offset < received_ || out_of_order_.contains(offset);
  if (known || offset + bytes > window_end_) {
    dropped_ += bytes;
  } else {
    const std::uint64_t frame = from.frame_bytes != 0 ? from.frame_bytes : bytes;
    largest_segment_ = std::max(largest_segment_, frame);
    early_ += bytes;
    out_of_order_.emplace(offset, std::move(parts));
  }
  const bool arrived = take_in_order();
  co_await say(ctx, header());
  if (!arrived) co_return;
  co_await notify_all(ctx, read_waiters_);
  if (!pollers_.empty()) co_await pollers_.wake_up(ctx, 1, kPollIn);
}

// tcp_ofo_queue(): what begins where the stream ends joins it.
bool Socket::take_in_order() {
  bool any = false;
  for (auto next = out_of_order_.begin(); next != out_of_order_.end() && next->first == received_;
       next = out_of_order_.begin()) {
    const std::uint64_t bytes = bytes_of(next->second);
    for (PagePart& part : next->second) receive_queue_.push_back(std::move(part));
    early_ -= bytes;
    received_ += bytes;
    out_of_order_.erase(next);
    any = true;
  }
  return any;
}

// tcp_fin().
Task<void> Socket::take_fin(Atomic& ctx) {
  fin_received_ = true;
  shutdown_ |= kRcvShutdown;
  co_await say(ctx, header());
  co_await wake_everybody(ctx);
}

// --- reading ------------------------------------------------------------------------------------

// Takes the first `bytes` out of the queue; they stay in the buffer until they are copied.
PageParts Socket::claim(std::uint64_t bytes) {
  PageParts taken;
  while (bytes > 0 && !receive_queue_.empty()) {
    PagePart& first = receive_queue_.front();
    if (first.bytes > bytes) {
      const auto part = static_cast<std::uint32_t>(bytes);
      taken.push_back({first.page, first.offset, part});
      first.offset += part;
      first.bytes -= part;
      break;
    }
    bytes -= first.bytes;
    taken.push_back(std::move(first));
    receive_queue_.pop_front();
  }
  return taken;
}

Task<Result<std::uint64_t>> Socket::try_recv(Atomic& ctx, std::span<const hw::PhysAddr> pages,
                                             std::uint64_t bytes, IoWait* wait,
                                             std::uint64_t into) {
  if (state_ == SocketState::listen) co_return fail(Errno::enotconn);
  if (bytes == 0) co_return 0;
  if (receive_queue_.empty()) {
    if (fin_received_) co_return 0;
    const Errno error = take_error();
    if (error != Errno::ok) co_return fail(error);
    if ((shutdown_ & kRcvShutdown) != 0) co_return 0;
    if (state_ == SocketState::closed) co_return fail(Errno::enotconn);
    if (wait != nullptr) {
      wait->stage = events::Stage::network;
      add_waiter(read_waiters_, *wait);
    }
    co_return fail(Errno::eagain);
  }
  PageParts taken = claim(bytes);
  std::uint64_t done = 0;
  for (PagePart& part : taken) {
    // Source and destination pages need not be aligned to each other.
    for (std::uint32_t copied = 0; copied < part.bytes;) {
      const auto at = static_cast<std::uint32_t>((into + done) % hw::kPageBytes);
      const std::uint32_t piece =
          std::min(part.bytes - copied, static_cast<std::uint32_t>(hw::kPageBytes) - at);
      co_await copy_bytes(ctx, pages[(into + done) / hw::kPageBytes] + at,
                          part.page->address + part.offset + copied, piece, CacheState::cold);
      copied += piece;
      done += piece;
    }
    freed_ += part.bytes;
    part.page = nullptr;
  }
  co_await window_update(ctx);
  co_return done;
}

}  // namespace iodrome::kernel
