// SPDX-License-Identifier: Apache-2.0
#include "hw/virtio_blk/virtio_blk.h"

#include <catch2/catch.hpp>

#include "hw/memory/memory.h"
#include "tests/hw/part_file.h"
#include "tests/hw/scripted_oracle.h"
#include "tests/hw/test_medium.h"

namespace iodrome::hw::test {
namespace {

namespace vblk = virtio_blk;
using vblk::RequestStatus;
using vblk::RequestType;

constexpr std::uint32_t kEntries = 16;

// The least a guest does: chains of three descriptors, request i from descriptor 3 i on.
struct Guest {
  explicit Guest(const VirtioBlkParams& params, bool checked = false)
      : medium(1 << 20, checked),
        messages(timeline),
        device(params, timeline, memory_port, message_port, medium),
        desc(memory.allocate_page()),
        avail(memory.allocate_page()),
        used(memory.allocate_page()),
        headers(memory.allocate_page()),
        buffer(memory.allocate_page()) {
    timeline.choices().ask(&oracle);
    write(vblk::kQueueNum, kEntries, 4);
    write(vblk::kQueueDesc, desc, 8);
    write(vblk::kQueueAvail, avail, 8);
    write(vblk::kQueueUsed, used, 8);
    write(vblk::kMsiData, 7, 4);
    write(vblk::kQueueReady, 1, 4);
    write(vblk::kStatus, vblk::kStatusDriverOk, 4);
  }
  Response write(std::uint64_t address, std::uint64_t value, std::size_t size) {
    return device.access(Command::write, address,
                         std::as_writable_bytes(std::span{&value, 1}).first(size));
  }
  template <class T>
  T& at(std::uint64_t address) {
    return memory.at<T>(address);
  }
  void add(RequestType type, std::uint64_t sector, std::uint32_t bytes) {
    const std::uint32_t i = added % 5;
    const auto first = static_cast<std::uint16_t>(3 * i);
    auto* const table = &at<vblk::Descriptor>(desc);
    at<vblk::RequestHeader>(headers + 64 * i) = {static_cast<std::uint32_t>(type), 0, sector};
    at<std::uint8_t>(headers + 64 * i + 16) = 0xff;
    const auto next = [&](int k) { return static_cast<std::uint16_t>(first + k); };
    table[first] = {headers + 64 * i, 16, vblk::kDescNext, bytes == 0 ? next(2) : next(1)};
    const std::uint16_t in = type == RequestType::in ? vblk::kDescWrite : 0;
    table[first + 1] = {buffer, bytes, static_cast<std::uint16_t>(vblk::kDescNext | in), next(2)};
    table[first + 2] = {headers + 64 * i + 16, 1, vblk::kDescWrite, 0};
    at<std::uint16_t>(vblk::avail_entry(avail, added % kEntries)) = first;
    at<std::uint16_t>(vblk::avail_index(avail)) = ++added;
  }
  bool wants_doorbell(std::uint16_t before) {
    return vblk::need_event(at<std::uint16_t>(vblk::avail_event(used, kEntries)), added, before);
  }
  void notify() { CHECK(write(vblk::kQueueNotify, 0, 4) == Response::ok); }
  RequestStatus status(std::uint32_t i) {
    return static_cast<RequestStatus>(at<std::uint8_t>(headers + 64 * i + 16));
  }
  std::uint16_t ended() { return at<std::uint16_t>(vblk::used_index(used)); }
  void expect_next() { at<std::uint16_t>(vblk::used_event(avail, kEntries)) = ended(); }

  Timeline timeline;
  Memory memory;
  DirectPort memory_port{memory};
  TestMedium medium;
  MessageLog messages;
  DirectPort message_port{messages};
  ScriptedOracle oracle;
  VirtioBlk device;
  PhysAddr desc, avail, used, headers, buffer;
  std::uint16_t added = 0;
};

VirtioBlkParams host_2026() {
  return part<VirtioBlkParams>("virtio_blk", "host_virtio_blk_2026");
}

VirtioBlkParams without_polling() {
  VirtioBlkParams params = host_2026();
  params.poll = 0us;
  return params;
}

}  // namespace

TEST_CASE("an unloaded virtio read takes 32 of the 33 us measured: the guest's CPU wakes in one") {
  Guest guest(host_2026(), true);
  guest.add(RequestType::in, 5, 4096);
  guest.notify();
  guest.timeline.run();
  REQUIRE(guest.messages.messages.size() == 1);
  CHECK(guest.messages.messages[0].time == SimTime{} + 32us);
  CHECK(guest.messages.messages[0].data == 7);
  CHECK(guest.status(0) == RequestStatus::ok);
  const auto entry = guest.at<vblk::UsedEntry>(vblk::used_entry(guest.used, 0));
  CHECK(entry.id == 0);
  CHECK(entry.bytes == 4097);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < 4096; ++i)
    wrong += guest.memory.bytes(guest.buffer, 4096)[i] != TestMedium::original(5 * 512 + i);
  CHECK(wrong == 0);
}

TEST_CASE("requests that wait are served one per 10.4 us, and need no doorbell meanwhile") {
  Guest guest(without_polling());
  guest.add(RequestType::in, 0, 4096);
  CHECK(guest.wants_doorbell(0));
  guest.notify();
  guest.timeline.run(SimTime{} + 5us);
  for (int i = 1; i < 5; ++i) {
    guest.add(RequestType::in, 0, 4096);
    CHECK_FALSE(guest.wants_doorbell(static_cast<std::uint16_t>(i)));
  }
  guest.timeline.run();
  CHECK(guest.ended() == 5);
  CHECK(guest.timeline.now() == SimTime{} + 32us + 4 * 10400ns - 1us);
  CHECK(guest.device.counters().notifications == 1);
  // The event stayed at 0: only the first end interrupted.
  CHECK(guest.messages.messages.size() == 1);
  guest.expect_next();
  guest.add(RequestType::in, 0, 4096);
  CHECK(guest.wants_doorbell(5));
  guest.notify();
  guest.timeline.run();
  CHECK(guest.messages.messages.size() == 2);
}

TEST_CASE("while the host polls it takes requests without a doorbell, and then no more") {
  Guest guest(host_2026());
  guest.add(RequestType::in, 0, 4096);
  guest.notify();
  // Taken at 1 us, worked on until 11.4 us, polled from then on.
  guest.timeline.run(SimTime{} + 30us);
  guest.add(RequestType::in, 0, 4096);
  CHECK_FALSE(guest.wants_doorbell(1));
  guest.timeline.run();
  CHECK(guest.ended() == 2);
  CHECK(guest.device.counters().notifications == 1);
  // The second at 30.4 us, until 40.8 us; it looks for the last time 32 us later.
  CHECK(guest.timeline.now() == SimTime{} + 40800ns + 32us);
  guest.add(RequestType::in, 0, 4096);
  CHECK(guest.wants_doorbell(2));
  guest.timeline.run();
  CHECK(guest.ended() == 2);
}

TEST_CASE("a reset while the host polls leaves nothing of the old queue behind") {
  Guest guest(host_2026());
  guest.add(RequestType::in, 0, 4096);
  guest.notify();
  guest.timeline.run(SimTime{} + 20us);  // worked on until 11.4 us
  guest.write(vblk::kStatus, 0, 4);
  guest.at<std::uint16_t>(vblk::avail_event(guest.used, kEntries)) = 77;
  guest.timeline.run();
  CHECK(guest.at<std::uint16_t>(vblk::avail_event(guest.used, kEntries)) == 77);
  CHECK(guest.device.activities().count() == 0);
}

TEST_CASE("without polling and an interval the host looks once") {
  VirtioBlkParams params = without_polling();
  params.poll_interval = 0us;
  Guest guest(params);
  guest.add(RequestType::in, 0, 4096);
  guest.notify();
  guest.timeline.run();
  CHECK(guest.ended() == 1);
}

TEST_CASE("what was written through virtio is what is read") {
  Guest guest(host_2026(), true);
  for (std::size_t i = 0; i < 4096; ++i)
    guest.memory.bytes(guest.buffer, 4096)[i] = static_cast<std::byte>(i * 11);
  guest.add(RequestType::out, 9, 4096);
  guest.add(RequestType::flush, 0, 0);
  guest.notify();
  guest.timeline.run();
  CHECK(guest.status(0) == RequestStatus::ok);
  CHECK(guest.status(1) == RequestStatus::ok);
  CHECK(guest.device.counters().flushes == 1);
  for (std::size_t i = 0; i < 4096; ++i)
    REQUIRE(guest.medium.at(9 * 512 + i) == static_cast<std::byte>(i * 11));
}

TEST_CASE("wrong virtio requests end with a status and wrong doorbells are refused") {
  Guest guest(host_2026());
  guest.add(RequestType::in, 2048, 512);  // beyond the end
  guest.add(static_cast<RequestType>(77), 0, 512);
  guest.add(RequestType::in, 0, 100);
  guest.notify();
  guest.timeline.run();
  CHECK(guest.status(0) == RequestStatus::io_error);
  CHECK(guest.status(1) == RequestStatus::unsupported);
  CHECK(guest.status(2) == RequestStatus::io_error);
  CHECK(guest.device.counters().errors == 3);
  CHECK(guest.write(vblk::kQueueNotify, 1, 4) == Response::generic_error);
  CHECK(guest.write(vblk::kQueueNum, 3, 4) == Response::generic_error);
  CHECK(guest.write(0xff0, 0, 4) == Response::address_error);
}

TEST_CASE("the oracle may fail a virtio request, and lose or double its interrupt") {
  Guest guest(host_2026());
  std::size_t messages = 1;
  RequestStatus status = RequestStatus::ok;
  SECTION("failed") {
    guest.oracle.script["virtio_blk.request"] = {1};
    status = RequestStatus::io_error;
  }
  SECTION("lost interrupt") {
    guest.oracle.script["virtio_blk.interrupt"] = {1};
    messages = 0;
  }
  SECTION("doubled interrupt") {
    guest.oracle.script["virtio_blk.interrupt"] = {3};
    messages = 2;
  }
  guest.add(RequestType::in, 0, 512);
  guest.notify();
  guest.timeline.run();
  CHECK(guest.ended() == 1);
  CHECK(guest.status(0) == status);
  CHECK(guest.messages.messages.size() == messages);
}

TEST_CASE("a virtio reset silences what is in flight") {
  Guest guest(host_2026());
  guest.add(RequestType::in, 0, 512);
  guest.notify();
  guest.timeline.run(SimTime{} + 15us);
  CHECK(guest.device.in_flight() == 1);
  guest.write(vblk::kStatus, 0, 4);
  guest.timeline.run();
  CHECK(guest.ended() == 0);
  CHECK(guest.messages.messages.empty());
  CHECK(guest.device.in_flight() == 0);
  CHECK(guest.device.activities().count() == 0);
}

}  // namespace iodrome::hw::test
