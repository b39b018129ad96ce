// SPDX-License-Identifier: Apache-2.0
// What clients send, up to the host's memory.
#include <catch2/catch.hpp>

#include "tests/hw/nic/host.h"
#include "tests/hw/part_file.h"

namespace iodrome::hw::test {
namespace {

NicParams gigabit() {
  NicParams params = part<NicParams>("nic", "gbe_1");
  params.host_rate = {1'000'000'000};
  params.interrupt_interval = 0us;
  return params;
}

class StreamSource final : public ByteSource {
 public:
  void produce(std::uint32_t connection, std::uint64_t offset, std::span<std::byte> to) override {
    for (std::byte& one : to) one = stream_byte(connection, offset++);
  }
};

// A host with payload buffers, which it gives back when it is told to.
struct Receiver : NicHost {
  static constexpr std::uint32_t kEntries = 8;

  explicit Receiver(bool checked = true)
      : NicHost(gigabit(), {.drain_rate = {0}, .ack_delay = 10us}, checked) {
    clients.send_from(source);
    ring = memory.allocate_contiguous(8 * kEntries);
    for (std::uint32_t i = 0; i < kEntries; ++i)
      memory.at<nic::RxDataDescriptor>(ring + 8 * i).address = pages[i] = memory.allocate_page();
    write(nic::kRxDataBase, ring, 8);
    write(nic::kRxDataEntries, kEntries, 4);
    post(kEntries - 1);
  }
  void post(std::uint32_t tail) { CHECK(write(nic::kRxDataTail, tail, 4) == Response::ok); }
  const nic::SegmentHeader& frame(std::uint32_t index) {
    return memory.at<nic::SegmentHeader>(memory.at<nic::RxDescriptor>(rx_ + 16 * index).address);
  }
  bool holds(std::uint32_t buffer, std::uint32_t connection, std::uint64_t offset,
             std::uint32_t bytes) {
    return stream.matches(connection, offset, memory.bytes(pages[buffer], bytes));
  }

  StreamSource source;
  PhysAddr ring = 0;
  std::array<PhysAddr, kEntries> pages{};
};

}  // namespace

TEST_CASE("a client's frame takes exactly the sum of its ways, and its bytes lie in the buffer") {
  const NicParams params = gigabit();
  Receiver host;
  host.clients.open_window(5, 1'000);
  host.clients.send(5, 1'000);
  host.timeline.run();
  REQUIRE(host.acks.size() == 1);  // one frame
  CHECK(host.acks[0].time == SimTime{} + (1'000 + 90) * 8ns + params.propagation +
                                 1'000ns /* host bus */ + params.host_write + params.msi_flight);
  CHECK(host.frame(0).payload_bytes == 1'000);
  CHECK(host.frame(0).stream_offset == 0);
  CHECK(host.holds(0, 5, 0, 1'000));
  CHECK(host.memory.at<nic::RxDescriptor>(host.rx_).length == 64 + 1'000);
}

TEST_CASE("a client cuts what it sends into frames, as far as its window reaches") {
  Receiver host;
  host.clients.send(2, 5'000);
  host.timeline.run();
  CHECK(host.clients.state(2).sent == 0);  // nobody has told it of a window
  host.clients.open_window(2, 4'000);
  host.timeline.run();
  CHECK(host.clients.state(2).sent == 4'000);
  REQUIRE(host.acks.size() == 3);
  for (std::uint32_t i = 0; i < 3; ++i) {
    CHECK(host.frame(i).stream_offset == 1'448 * i);
    CHECK(host.holds(i, 2, 1'448 * i, i == 2 ? 1'104 : 1'448));
  }
}

TEST_CASE("a frame without payload opens the window further and is not acknowledged") {
  Receiver host;
  host.clients.send(2, 2'000);
  host.queue(2, 0, {});
  host.memory.at<nic::SegmentHeader>(host.memory.at<nic::TxDescriptor>(host.tx_).address)
      .window_end = 1'500;
  host.memory.at<nic::SegmentHeader>(host.memory.at<nic::TxDescriptor>(host.tx_).address)
      .acknowledged = 0;
  host.ring_doorbell();
  host.timeline.run();
  CHECK(host.clients.state(2).sent == 1'500);
  CHECK(host.acks.size() == 2);  // the two frames of payload
  CHECK(host.clients.state(2).received == 0);
}

TEST_CASE("frames wait for payload buffers, and what is behind them does not overtake") {
  Receiver host;
  host.clients.open_window(1, 100'000);
  host.clients.send(1, 9 * 1'448);
  host.send(3, 0, 500);  // acknowledged behind those
  host.timeline.run();
  CHECK(host.acks.size() == 7);
  CHECK(host.clients.state(3).drained == 500);
  host.post(2);
  host.timeline.run();
  REQUIRE(host.acks.size() == 10);
  CHECK(host.acks[9].connection == 3);
  CHECK(host.holds(0, 1, 8 * 1'448, 1'448));
}

TEST_CASE("payload that nobody checks takes the same time, and is not written") {
  const auto run = [](bool checked) {
    Receiver host(checked);
    host.clients.open_window(1, 100'000);
    host.clients.send(1, 6'000);
    host.timeline.run();
    CHECK(host.holds(1, 1, 1'448, 1'448) == checked);
    CHECK(host.card.counters().payload_bytes_received == 6'000);
    return host.acks.back().time;
  };
  CHECK(run(true) == run(false));
}

}  // namespace iodrome::hw::test
