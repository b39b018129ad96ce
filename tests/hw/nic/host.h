// SPDX-License-Identifier: Apache-2.0
// The least a host does to use a network card: two rings and a handler that empties them.
#pragma once
#include <set>

#include "hw/memory/memory.h"
#include "hw/nic/client.h"
#include "hw/nic/nic.h"
#include "tests/hw/test_medium.h"

namespace iodrome::hw::test {

/// The byte that belongs at an offset of a connection's stream.
inline std::byte stream_byte(std::uint32_t connection, std::uint64_t offset) {
  return static_cast<std::byte>((offset + 1) * 0x9e37'79b9'7f4a'7c15ull >> 56 ^ connection);
}

class StreamCheck final : public ByteCheck {
 public:
  bool matches(std::uint32_t connection, std::uint64_t offset,
               std::span<const std::byte> bytes) override {
    for (const std::byte byte : bytes)
      if (byte != stream_byte(connection, offset++)) return false;
    looked_at += bytes.size();
    return true;
  }
  std::uint64_t looked_at = 0;
};

class NicHost {
 public:
  static constexpr std::uint32_t kTxEntries = 64;
  static constexpr std::uint32_t kRxEntries = 32;
  struct Ack {
    SimTime time;
    std::uint32_t connection;
    std::uint64_t offset;
  };

  NicHost(const NicParams& params, const ClientParams& client_params, bool checked = true)
      : clients(client_params, timeline, checked ? &stream : nullptr),
        card(params, timeline, memory_port, message_port, clients) {
    clients.attach(card);
    tx_ = memory.allocate_contiguous(16 * kTxEntries);
    rx_ = memory.allocate_contiguous(16 * kRxEntries);
    head_ = memory.allocate_contiguous(64);
    headers_ = memory.allocate_contiguous(64 * kTxEntries);
    buffers_ = memory.allocate_contiguous(64 * kRxEntries);
    write(nic::kTxBase, tx_, 8);
    write(nic::kTxEntries, kTxEntries, 4);
    write(nic::kTxHeadAddress, head_, 8);
    write(nic::kRxBase, rx_, 8);
    write(nic::kRxEntries, kRxEntries, 4);
    write(nic::kMsiData, 5, 4);
    for (std::uint32_t i = 0; i < kRxEntries; ++i)
      memory.at<nic::RxDescriptor>(rx_ + 16 * i).address = buffers_ + 64 * i;
    write(nic::kRxTail, kRxEntries - 1, 4);
    write(nic::kEnable, nic::kCauseReceived, 4);
    messages.on_message = [this](std::uint32_t) { poll(); };
  }

  std::uint32_t head() { return memory.at<std::uint32_t>(head_); }
  std::uint32_t free_descriptors() { return (head() + kTxEntries - tail_ - 1) % kTxEntries; }

  /// Pages that hold the bytes [offset, offset + bytes) of a stream.
  std::vector<nic::TxDescriptor> payload(std::uint32_t connection, std::uint64_t offset,
                                         std::uint32_t bytes) {
    std::vector<nic::TxDescriptor> pieces;
    for (std::uint32_t done = 0; done < bytes;) {
      const std::uint32_t count = std::min<std::uint32_t>(bytes - done, 4096);
      const PhysAddr page = memory.allocate_page();
      for (std::uint32_t i = 0; i < count; ++i)
        memory.bytes(page, 4096)[i] = stream_byte(connection, offset + done + i);
      pieces.push_back({page, count, 0});
      done += count;
    }
    return pieces;
  }
  void queue(std::uint32_t connection, std::uint64_t offset, std::vector<nic::TxDescriptor> pieces,
             std::uint32_t flags = nic::kTxTso) {
    nic::SegmentHeader header;
    header.connection = connection;
    header.stream_offset = offset;
    for (const nic::TxDescriptor& piece : pieces) header.payload_bytes += piece.length;
    const PhysAddr place = headers_ + 64 * tail_;
    memory.at<nic::SegmentHeader>(place) = header;
    pieces.insert(pieces.begin(), {place, 64, flags});
    pieces.back().flags |= nic::kTxEop;
    check(free_descriptors() >= pieces.size(), "ring full");
    for (const nic::TxDescriptor& piece : pieces) {
      memory.at<nic::TxDescriptor>(tx_ + 16 * tail_) = piece;
      tail_ = (tail_ + 1) % kTxEntries;
    }
  }
  void ring_doorbell() { check(write(nic::kTxTail, tail_, 4) == Response::ok, "doorbell refused"); }
  void send(std::uint32_t connection, std::uint64_t offset, std::uint32_t bytes) {
    queue(connection, offset, payload(connection, offset, bytes));
    ring_doorbell();
  }

  void poll() {
    write(nic::kCause, nic::kCauseReceived | nic::kCauseTransmitted, 4);
    while ((memory.at<nic::RxDescriptor>(rx_ + 16 * rx_next_).flags & nic::kRxDone) != 0) {
      memory.at<nic::RxDescriptor>(rx_ + 16 * rx_next_).flags = 0;
      const auto& frame = memory.at<nic::SegmentHeader>(buffers_ + 64 * rx_next_);
      acks.push_back({timeline.now(), frame.connection, frame.stream_offset});
      if (give_back) write(nic::kRxTail, rx_next_, 4);
      rx_next_ = (rx_next_ + 1) % kRxEntries;
    }
    if (on_poll) on_poll();
    if (enable_again) write(nic::kEnable, nic::kCauseReceived, 4);
  }

  Response write(std::uint64_t address, std::uint64_t value, std::size_t size) {
    return card.access(Command::write, address,
                       std::as_writable_bytes(std::span{&value, 1}).first(size));
  }

  Timeline timeline;
  Memory memory;
  DirectPort memory_port{memory};
  MessageLog messages{timeline};
  DirectPort message_port{messages};
  StreamCheck stream;
  RemoteClients clients;
  Nic card;
  std::vector<Ack> acks;
  std::function<void()> on_poll;
  bool enable_again = true;
  bool give_back = true;
  std::uint32_t rx_next_ = 0;
  PhysAddr rx_ = 0;
  PhysAddr tx_ = 0;

 private:
  PhysAddr head_ = 0;
  PhysAddr headers_ = 0;
  PhysAddr buffers_ = 0;
  std::uint32_t tail_ = 0;
};

}  // namespace iodrome::hw::test
