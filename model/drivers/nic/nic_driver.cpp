// SPDX-License-Identifier: Apache-2.0
#include "model/drivers/nic/nic_driver.h"

#include "model/events/memory.h"

namespace iodrome::drivers {

using namespace kernel;
namespace nic = hw::nic;

namespace {
constexpr std::uint32_t kTxEntries = 4096;
constexpr std::uint32_t kRxEntries = 1024;
constexpr int kNapiBudget = 64;  // NAPI_POLL_WEIGHT
}  // namespace

NicDriver::NicDriver(System& system, IrqController& irqs, hw::Port& registers, std::uint32_t cpu)
    : system_(system), irqs_(irqs), registers_(registers), cpu_(cpu) {
  hw::Memory& memory = system.memory;
  tx_ring_ = memory.allocate_contiguous(kTxEntries * sizeof(nic::TxDescriptor));
  tx_headers_ = memory.allocate_contiguous(kTxEntries * nic::kSegmentHeaderBytes);
  tx_head_word_ = memory.allocate_contiguous(hw::kPageBytes);
  rx_ring_ = memory.allocate_contiguous(kRxEntries * sizeof(nic::RxDescriptor));
  rx_buffers_ = memory.allocate_contiguous(kRxEntries * nic::kSegmentHeaderBytes);
  for (const auto& each : system.cpus) each->on_softirq(Softirq::net_rx, poll_);
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
  co_await registers_.write32(nic::kEnable, nic::kCauseReceived);
}

void NicDriver::serve(Socket& socket) {
  if (sockets_.size() <= socket.connection()) sockets_.resize(socket.connection() + 1);
  sockets_[socket.connection()] = &socket;
}

// One descriptor stays free, so that a full ring differs from an empty one.
bool NicDriver::fits(const Segment& segment) {
  const std::uint32_t head = system_.memory.at<std::uint32_t>(tx_head_word_);
  const std::uint32_t used = (tx_tail_ + kTxEntries - head) % kTxEntries;
  return segment.parts.size() + 1 < kTxEntries - used;
}

void NicDriver::fill(const Segment& segment) {
  const hw::PhysAddr header_at = tx_headers_ + tx_tail_ * nic::kSegmentHeaderBytes;
  nic::SegmentHeader header;
  header.connection = segment.socket->connection();
  header.payload_bytes = segment.bytes;
  header.stream_offset = segment.stream_offset;
  system_.memory.at<nic::SegmentHeader>(header_at) = header;
  tx(tx_tail_) = {header_at, nic::kSegmentHeaderBytes, nic::kTxTso};
  tx_tail_ = (tx_tail_ + 1) % kTxEntries;
  for (const PagePart& part : segment.parts) {
    const bool last = &part == &segment.parts.back();
    tx(tx_tail_) = {part.page->address + part.offset, part.bytes, last ? nic::kTxEop : 0};
    tx_tail_ = (tx_tail_ + 1) % kTxEntries;
  }
}

Task<void> NicDriver::xmit(Atomic& ctx, Segment& segment) {
  co_await ctx.spend(ctx.costs().segment_xmit);
  if (!backlog_.empty() || !fits(segment)) {
    backlog_.push_back(&segment);
    co_return;
  }
  ctx.emit(events::DeviceDma{kDeviceId, segment.bytes});
  fill(segment);
  co_await ring_tx(ctx);
}

Task<void> NicDriver::ring_tx(Atomic& ctx) {
  ctx.emit(events::Doorbell{kDeviceId, 0, tx_tail_});
  co_await registers_.write32(nic::kTxTail, tx_tail_);
}

Task<void> NicDriver::handle(Atomic& ctx) {
  ctx.cpu().raise_softirq(Softirq::net_rx);
  co_return;
}

Task<void> NicDriver::poll(Atomic& ctx) {
  const std::uint64_t cause = co_await registers_.read32(nic::kCause);
  check((cause & nic::kCauseMalformed) == 0, "the network card dropped a malformed segment");
  co_await registers_.write32(nic::kCause, static_cast<std::uint32_t>(cause));
  int received = 0;
  while (received < kNapiBudget && (rx(rx_head_).flags & nic::kRxDone) != 0) {
    ++received;
    const auto header = system_.memory.at<nic::SegmentHeader>(rx(rx_head_).address);
    rx(rx_head_).flags = 0;
    rx_head_ = (rx_head_ + 1) % kRxEntries;
    co_await ctx.spend(ctx.costs().ack_receive);
    co_await sockets_[header.connection]->acknowledge(ctx, header.stream_offset);
  }
  if (received != 0)
    co_await registers_.write32(nic::kRxTail, (rx_head_ + kRxEntries - 1) % kRxEntries);
  bool sent = false;
  while (!backlog_.empty() && fits(*backlog_.front())) {
    ctx.emit(events::DeviceDma{kDeviceId, backlog_.front()->bytes});
    fill(*backlog_.front());
    backlog_.pop_front();
    sent = true;
  }
  if (sent) co_await ring_tx(ctx);
  // Interrupts stay off while there is more: the softirq comes back to it, or ksoftirqd does.
  if (received == kNapiBudget) {
    ctx.cpu().raise_softirq(Softirq::net_rx);
    co_return;
  }
  co_await registers_.write32(nic::kEnable, nic::kCauseReceived);
}

}  // namespace iodrome::drivers
