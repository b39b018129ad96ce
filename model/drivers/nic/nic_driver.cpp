// SPDX-License-Identifier: Apache-2.0
#include "model/drivers/nic/nic_driver.h"

#include "model/events/memory.h"
#include "model/events/net.h"
#include "model/kernel/mm/allocation.h"

namespace iodrome::drivers {

using namespace kernel;
namespace nic = hw::nic;

namespace {
constexpr std::uint32_t kTxEntries = 4096;
constexpr std::uint32_t kRxEntries = 1024;
constexpr std::uint64_t kMostMerged = 65'536;  // GRO_LEGACY_MAX_SIZE
constexpr std::uint64_t kHeaders = 66;         // of Ethernet, IPv4 and TCP with timestamps, bytes
}  // namespace

NicDriver::NicDriver(System& system, NetRx& rx, IrqController& irqs, hw::Port& registers,
                     std::uint32_t cpu, std::optional<InterruptModeration> moderation)
    : system_(system),
      net_rx_(rx),
      irqs_(irqs),
      registers_(registers),
      cpu_(cpu),
      moderation_(moderation) {
  hw::Memory& memory = system.memory;
  tx_ring_ = memory.allocate_contiguous(kTxEntries * sizeof(nic::TxDescriptor));
  tx_headers_ = memory.allocate_contiguous(kTxEntries * nic::kSegmentHeaderBytes);
  tx_head_word_ = memory.allocate_contiguous(hw::kPageBytes);
  rx_ring_ = memory.allocate_contiguous(kRxEntries * sizeof(nic::RxDescriptor));
  rx_buffers_ = memory.allocate_contiguous(kRxEntries * nic::kSegmentHeaderBytes);
}

nic::TxDescriptor& NicDriver::tx(std::uint32_t index) {
  return system_.memory.at<nic::TxDescriptor>(tx_ring_ + index * sizeof(nic::TxDescriptor));
}

nic::RxDescriptor& NicDriver::rx(std::uint32_t index) {
  return system_.memory.at<nic::RxDescriptor>(rx_ring_ + index * sizeof(nic::RxDescriptor));
}

Task<void> NicDriver::attach() {
  const std::uint32_t line = irqs_.request_irq(*this, cpu_, "eth0");
  co_await registers_.write64(nic::kTxBase, tx_ring_);
  co_await registers_.write32(nic::kTxEntries, kTxEntries);
  co_await registers_.write64(nic::kTxHeadAddress, tx_head_word_);
  co_await registers_.write64(nic::kRxBase, rx_ring_);
  co_await registers_.write32(nic::kRxEntries, kRxEntries);
  co_await registers_.write64(nic::kMsiAddress, IrqController::message_address(line));
  co_await registers_.write32(nic::kMsiData, line);
  for (std::uint32_t i = 0; i < kRxEntries; ++i)
    rx(i).address = rx_buffers_ + i * nic::kSegmentHeaderBytes;
  co_await registers_.write32(nic::kRxTail, kRxEntries - 1);
  mss_ = static_cast<std::uint32_t>(co_await registers_.read32(nic::kMss));
  if (moderation_) co_await set_throttle(moderation_->interval());
  co_await registers_.write32(nic::kEnable, nic::kCauseReceived);
}

Task<void> NicDriver::post_buffers(std::uint32_t pages) {
  const std::uint32_t entries = pages + 1;  // one stays free, so that full differs from empty
  data_ring_ = system_.memory.allocate_contiguous(entries * sizeof(nic::RxDataDescriptor));
  data_pages_.resize(entries);
  co_await registers_.write64(nic::kRxDataBase, data_ring_);
  co_await registers_.write32(nic::kRxDataEntries, entries);
  refill();
  co_await registers_.write32(nic::kRxDataTail, data_tail_);
}

Task<void> NicDriver::set_throttle(Duration interval) {
  return then_done(
      registers_.write32(nic::kThrottle, static_cast<std::uint32_t>(interval / Duration{1ns})));
}

// True if something was posted.
bool NicDriver::refill() {
  const auto entries = static_cast<std::uint32_t>(data_pages_.size());
  const std::uint32_t before = data_tail_;
  while (entries != 0 && (data_tail_ + 1) % entries != data_head_) {
    if (allocation_fails(system_, "receive page")) break;
    PagePtr& page = data_pages_[data_tail_] = new Page(system_.memory);
    system_.memory.at<nic::RxDataDescriptor>(
        data_ring_ + data_tail_ * sizeof(nic::RxDataDescriptor)) = {page->address};
    data_tail_ = (data_tail_ + 1) % entries;
  }
  return data_tail_ != before;
}

void NicDriver::serve(Socket& socket) {
  if (sockets_.size() <= socket.connection()) sockets_.resize(socket.connection() + 1);
  sockets_[socket.connection()] = &socket;
}

// One descriptor stays free, so that a full ring differs from an empty one.
bool NicDriver::fits(std::size_t descriptors) {
  const std::uint32_t head = system_.memory.at<std::uint32_t>(tx_head_word_);
  const std::uint32_t used = (tx_tail_ + kTxEntries - head) % kTxEntries;
  return descriptors < kTxEntries - used;
}

void NicDriver::fill(const nic::SegmentHeader& header, bool last) {
  const hw::PhysAddr header_at = tx_headers_ + tx_tail_ * nic::kSegmentHeaderBytes;
  system_.memory.at<nic::SegmentHeader>(header_at) = header;
  tx(tx_tail_) = {header_at, nic::kSegmentHeaderBytes, last ? nic::kTxEop : nic::kTxTso};
  tx_tail_ = (tx_tail_ + 1) % kTxEntries;
}

void NicDriver::fill(const Segment& segment) {
  const StreamHeader now = segment.socket->header();
  nic::SegmentHeader header;
  header.connection = segment.socket->connection();
  header.payload_bytes = segment.bytes;
  header.stream_offset = segment.stream_offset;
  header.acknowledged = now.acknowledged;
  header.window_end = now.window_end;
  fill(header, false);
  for (const PagePart& part : segment.parts) {
    const bool last = &part == &segment.parts.back();
    tx(tx_tail_) = {part.page->address + part.offset, part.bytes, last ? nic::kTxEop : 0};
    tx_tail_ = (tx_tail_ + 1) % kTxEntries;
  }
}

Task<void> NicDriver::xmit(Atomic& ctx, Segment& segment) {
  co_await ctx.spend(ctx.costs().segment_xmit);
  if (!backlog_.empty() || !fits(segment.parts.size() + 1)) {
    backlog_.push_back(&segment);
    co_return;
  }
  ctx.emit(events::DeviceDma{kDeviceId, segment.bytes});
  fill(segment);
  count_sent(segment.bytes);
  co_await ring_tx(ctx);
}

void NicDriver::count_sent(std::uint64_t payload) {
  const std::uint64_t frames = std::max<std::uint64_t>(1, (payload + mss_ - 1) / mss_);
  sent_.frames += frames;
  sent_.bytes += payload + frames * kHeaders;
}

// e1000_set_itr(), before interrupts come again.
Task<void> NicDriver::moderate() {
  if (!moderation_) return Task<void>::ready();
  const std::optional<Duration> interval = moderation_->polled(received_, sent_);
  received_ = sent_ = {};
  return interval ? set_throttle(*interval) : Task<void>::ready();
}

Task<void> NicDriver::ring_tx(Atomic& ctx) {
  ctx.emit(events::Doorbell{kDeviceId, 0, tx_tail_});
  co_await registers_.write32(nic::kTxTail, tx_tail_);
}

// Only windows are told so: a client needs nothing else.
Task<void> NicDriver::xmit_frame(Atomic& ctx, Socket& from, StreamHeader header) {
  nic::SegmentHeader frame;
  frame.connection = from.connection();
  frame.stream_offset = header.offset;
  frame.acknowledged = header.acknowledged;
  frame.window_end = header.window_end;
  co_await ctx.spend(ctx.costs().segment_xmit);
  if (!frames_.empty() || !fits(1)) {
    frames_.push_back(frame);
    // Nobody acknowledges these, so it is the card that tells of room.
    co_await registers_.write32(nic::kEnable, nic::kCauseReceived | nic::kCauseTransmitted);
    co_return;
  }
  fill(frame, true);
  count_sent(0);
  co_await ring_tx(ctx);
}

Task<void> NicDriver::handle(Atomic& ctx) {
  net_rx_.schedule(ctx.cpu(), *this);
  return Task<void>::ready();
}

// --- the poll -----------------------------------------------------------------------------------

Task<bool> NicDriver::poll(Atomic& ctx) {
  const std::uint64_t cause = co_await registers_.read32(nic::kCause);
  check((cause & nic::kCauseMalformed) == 0, "the network card dropped a malformed segment");
  co_await registers_.write32(nic::kCause, static_cast<std::uint32_t>(cause));
  const int received = co_await take_frames(ctx);
  if (received != 0)
    co_await registers_.write32(nic::kRxTail, (rx_head_ + kRxEntries - 1) % kRxEntries);
  const bool posted = refill();
  if (posted) co_await registers_.write32(nic::kRxDataTail, data_tail_);
  co_await send_backlog(ctx);
  // Interrupts stay off while there is more: the softirq comes back to it, or ksoftirqd does.
  const bool starved = !data_pages_.empty() && data_head_ == data_tail_;
  if (received == kWeight || starved) co_return true;
  complete();
  co_await moderate();
  const std::uint32_t room = frames_.empty() ? 0 : nic::kCauseTransmitted;
  co_await registers_.write32(nic::kEnable, nic::kCauseReceived | room);
  co_return false;
}

Task<int> NicDriver::take_frames(Atomic& ctx) {
  int received = 0;
  while (received < kWeight && (rx(rx_head_).flags & nic::kRxDone) != 0) {
    ++received;
    ++received_.frames;
    const auto header = system_.memory.at<nic::SegmentHeader>(rx(rx_head_).address);
    received_.bytes += header.payload_bytes + kHeaders;
    rx(rx_head_).flags = 0;
    rx_head_ = (rx_head_ + 1) % kRxEntries;
    if (header.payload_bytes != 0) {
      co_await merge(ctx, header);
      continue;
    }
    co_await ctx.spend(ctx.costs().ack_receive);
    co_await sockets_[header.connection]->acknowledge(ctx, header.stream_offset);
  }
  co_await flush(ctx);
  co_return received;
}

// Whose payload does not follow what is there goes up by itself.
Task<void> NicDriver::merge(Atomic& ctx, const nic::SegmentHeader& header) {
  PagePtr page = std::move(data_pages_[data_head_]);
  data_head_ = (data_head_ + 1) % static_cast<std::uint32_t>(data_pages_.size());
  ctx.emit(events::DeviceDma{kDeviceId, header.payload_bytes});
  const bool follows = merged_ && merged_->connection == header.connection &&
                       merged_->header.offset + merged_->bytes == header.stream_offset &&
                       merged_->bytes + header.payload_bytes <= kMostMerged;
  if (!follows) {
    co_await flush(ctx);
    merged_.emplace();
    merged_->connection = header.connection;
    merged_->header.ack = true;
    merged_->header.offset = header.stream_offset;
    merged_->header.window_end = ~std::uint64_t{0};  // a client takes whatever comes
  }
  merged_->header.acknowledged = header.acknowledged;
  merged_->header.frame_bytes = std::max(merged_->header.frame_bytes, header.payload_bytes);
  merged_->bytes += header.payload_bytes;
  merged_->parts.push_back({std::move(page), 0, header.payload_bytes});
  co_await ctx.spend(ctx.costs().socket_page);
}

Task<void> NicDriver::flush(Atomic& ctx) {
  if (!merged_) co_return;
  MergedFrames up = std::move(*merged_);
  merged_.reset();
  co_await ctx.spend(ctx.costs().segment_receive);
  ctx.emit(events::NetifReceiveSkb{up.connection, up.header.offset, up.bytes});
  co_await sockets_[up.connection]->receive(ctx, up.header, std::move(up.parts));
}

Task<void> NicDriver::send_backlog(Atomic& ctx) {
  bool sent = false;
  while (!frames_.empty() && fits(1)) {
    fill(frames_.front(), true);
    count_sent(0);
    frames_.pop_front();
    sent = true;
  }
  while (!backlog_.empty() && fits(backlog_.front()->parts.size() + 1)) {
    ctx.emit(events::DeviceDma{kDeviceId, backlog_.front()->bytes});
    fill(*backlog_.front());
    count_sent(backlog_.front()->bytes);
    backlog_.pop_front();
    sent = true;
  }
  if (sent) co_await ring_tx(ctx);
}

}  // namespace iodrome::drivers
