// SPDX-License-Identifier: Apache-2.0
#include "hw/dma/adma.h"

#include <catch2/catch.hpp>

#include "hw/memory/memory.h"
#include "tests/hw/part_file.h"
#include "tests/hw/scripted_oracle.h"
#include "tests/hw/test_medium.h"

namespace iodrome::hw::test {
namespace {

// 4096 B over the bus take 1 us.
AdmaParams round_adma() {
  AdmaParams p = part<AdmaParams>("dma", "iop13xx_2007", "adma");
  p.channels = 2;
  p.doorbell_flight = 100ns;
  p.descriptor_fetch = 250ns;
  p.rate = {4'096'000'000};
  p.completion_write = 200ns;
  p.msi_flight = 400ns;
  return p;
}

// The least a host does: descriptors of 256 B in a row, pages to work on.
struct AdmaHost {
  explicit AdmaHost(const AdmaParams& params = round_adma())
      : engine(params, timeline, memory_port, message_port, true) {
    ring = memory.allocate_contiguous(256 * 256);
    area = memory.allocate_contiguous(32 * 4096);
    for (std::uint32_t page = 0; page < 17; ++page)
      for (std::uint32_t i = 0; i < 4096; ++i) bytes(page)[i] = pattern(page, i);
  }
  static std::byte pattern(std::uint32_t page, std::uint32_t i) {
    return static_cast<std::byte>(page * 71 + i * 13 + i / 256 + 1);
  }
  std::span<std::byte> bytes(std::uint32_t page) { return memory.bytes(at(page), 4096); }
  PhysAddr at(std::uint32_t page) const { return area + 4096ull * page; }
  PhysAddr address(std::uint32_t entry) const { return ring + 256ull * entry; }
  adma::Descriptor& entry(std::uint32_t index) {
    return memory.at<adma::Descriptor>(address(index));
  }
  /// Exclusive or of the first pages into page 20; a copy if it is one.
  adma::Descriptor& prepare(std::uint32_t index, std::uint32_t sources = 1,
                            std::uint32_t size = 4096) {
    adma::Descriptor& d = entry(index);
    d = {};
    d.count = size;
    d.control = adma::kInterrupt | adma::kStatusWriteBack | adma::source_select(sources);
    d.destination = at(20);
    for (std::uint32_t i = 0; i < sources; ++i) d.sources[i] = at(i);
    return d;
  }
  /// Entries [first, end) as one chain.
  void link(std::uint32_t first, std::uint32_t end) {
    for (std::uint32_t i = first; i + 1 < end; ++i) entry(i).next = address(i + 1);
  }
  void start(std::uint32_t index, std::uint32_t channel = 0) {
    write(channel, adma::kNext, address(index), 8);
    write(channel, adma::kControl, adma::kControlEnable, 4);
  }
  void resume(std::uint32_t channel = 0) {
    write(channel, adma::kControl, adma::kControlEnable | adma::kControlResume, 4);
  }
  void write(std::uint32_t channel, std::uint64_t offset, std::uint64_t value, std::size_t size) {
    const std::span<std::byte> data = std::as_writable_bytes(std::span{&value, 1}).first(size);
    REQUIRE(engine.access(Command::write, adma::channel_base(channel) + offset, data) ==
            Response::ok);
  }
  std::uint64_t read(std::uint32_t channel, std::uint64_t offset, std::size_t size) {
    std::uint64_t value = 0;
    const std::span<std::byte> data = std::as_writable_bytes(std::span{&value, 1}).first(size);
    REQUIRE(engine.access(Command::read, adma::channel_base(channel) + offset, data) ==
            Response::ok);
    return value;
  }
  bool complete(std::uint32_t index) { return (entry(index).count & adma::kComplete) != 0; }
  Duration told() const { return messages.messages.back().time.time_since_epoch(); }

  Timeline timeline;
  Memory memory;
  DirectPort memory_port{memory};
  MessageLog messages{timeline};
  DirectPort message_port{messages};
  Adma engine;
  PhysAddr ring = 0;
  PhysAddr area = 0;
};

}  // namespace

TEST_CASE("an exclusive or of n sources takes n reads and a write of the bus, and is right") {
  for (const std::uint32_t sources : {1u, 2u, 3u, 16u}) {
    CAPTURE(sources);
    AdmaHost host;
    host.prepare(0, sources);
    host.start(0);
    host.timeline.run();
    CHECK(host.told() == 100ns + 250ns + (sources + 1) * 1us + 200ns + 400ns);
    CHECK(host.complete(0));
    std::size_t wrong = 0;
    for (std::uint32_t i = 0; i < 4096; ++i) {
      std::byte sum{0};
      for (std::uint32_t page = 0; page < sources; ++page) sum ^= AdmaHost::pattern(page, i);
      wrong += host.bytes(20)[i] != sum;
    }
    CHECK(wrong == 0);
    CHECK(host.engine.counters().bus_bytes == 4096 * (sources + 1));
  }
}

TEST_CASE("a zero check writes nothing but its result, of every bit") {
  for (const int spoilt : {-1, 0, 2'000, 4'095}) {
    AdmaHost host;
    for (std::uint32_t i = 0; i < 4096; ++i)
      host.bytes(2)[i] = AdmaHost::pattern(0, i) ^ AdmaHost::pattern(1, i);
    if (spoilt >= 0) host.bytes(1)[static_cast<std::size_t>(spoilt)] ^= std::byte{0x80};
    host.prepare(0, 3).control |= adma::kZeroResult;
    host.start(0);
    host.timeline.run();
    CHECK(host.told() == 100ns + 250ns + 3us + 200ns + 400ns);
    CHECK(host.complete(0));
    CHECK(((host.entry(0).count & adma::kZeroResultError) != 0) == (spoilt >= 0));
    for (const std::byte one : host.bytes(20)) REQUIRE(one == std::byte{0});
  }
}

TEST_CASE("a block fill repeats its four bytes and reads nothing") {
  AdmaHost host;
  adma::Descriptor& d = host.prepare(0, 1, 4095);
  d.control |= adma::kBlockFill;
  d.fill = 0x4433'2211;
  host.start(0);
  host.timeline.run();
  for (std::uint32_t i = 0; i < 4095; ++i)
    REQUIRE(host.bytes(20)[i] == static_cast<std::byte>(0x11 * (i % 4 + 1)));
  CHECK(host.bytes(20)[4095] == std::byte{0});
  CHECK(host.engine.counters().bus_bytes == 4095);
}

TEST_CASE("a chain runs to its end; one message tells of the last end and the chain's") {
  AdmaHost host;
  for (std::uint32_t i = 0; i < 5; ++i) {
    host.prepare(i);
    if (i < 4) host.entry(i).control &= ~adma::kInterrupt;
  }
  host.link(0, 5);
  host.start(0);
  host.timeline.run();
  CHECK(host.messages.messages.size() == 1);
  CHECK(host.told() == 100ns + 5 * (250ns + 2us + 200ns) + 400ns);
  CHECK(host.read(0, adma::kStatus, 4) == (adma::kStatusEndOfTransfer | adma::kStatusEndOfChain));
  CHECK(host.read(0, adma::kCurrent, 8) == host.address(4));
  // Bits are cleared by writing them.
  host.write(0, adma::kStatus, adma::kStatusEvents, 4);
  CHECK(host.read(0, adma::kStatus, 4) == 0);
}

TEST_CASE("a descriptor linked in time needs no resume, one linked too late does") {
  for (const Duration linked : {Duration{200ns}, Duration{1us}}) {
    AdmaHost host;
    host.prepare(0);
    host.prepare(1);
    host.start(0);
    host.timeline.run(SimTime{} + linked);
    host.entry(0).next = host.address(1);
    host.timeline.run();
    CHECK(host.complete(0));
    CHECK(host.complete(1) == (linked == 200ns));
    host.resume();
    host.timeline.run();
    CHECK(host.complete(1));
    CHECK(host.engine.counters().resumed == (linked == 200ns ? 0 : 1));
    CHECK(host.engine.counters().descriptors == 2);
  }
}

TEST_CASE("whenever a descriptor is appended, it runs exactly once") {
  for (int delay = 0; delay <= 3'000; delay += 50) {
    CAPTURE(delay);
    AdmaHost host;
    host.prepare(0);
    host.prepare(1);
    host.start(0);
    host.timeline.run(SimTime{} + std::chrono::nanoseconds(delay));
    host.entry(0).next = host.address(1);
    host.resume();
    host.timeline.run();
    CHECK(host.complete(0));
    CHECK(host.complete(1));
    CHECK(host.engine.counters().descriptors == 2);
    CHECK(host.read(0, adma::kCurrent, 8) == host.address(1));
  }
}

TEST_CASE("channels share the bus") {
  AdmaHost host;
  for (const std::uint32_t channel : {0u, 1u}) {
    const std::uint32_t first = 20 * channel;
    for (std::uint32_t i = 0; i < 10; ++i) host.prepare(first + i);
    host.link(first, first + 10);
    host.start(first, channel);
  }
  host.timeline.run();
  // 20 copies of 2 us; one channel's fetch and write-back hide behind the other's copy.
  CHECK(host.timeline.now() >= SimTime{} + 40us);
  CHECK(host.timeline.now() < SimTime{} + 42us);
}

TEST_CASE("a bus error halts the channel at its descriptor until it is disabled") {
  AdmaHost host;
  ScriptedOracle oracle;
  oracle.script["adma.transfer"] = {0, 1};
  host.timeline.choices().ask(&oracle);
  for (std::uint32_t i = 0; i < 4; ++i) host.prepare(i);
  host.link(0, 4);
  host.start(0);
  host.timeline.run();
  CHECK(host.complete(0));
  CHECK_FALSE(host.complete(1));
  CHECK((host.read(0, adma::kStatus, 4) & adma::kStatusError) != 0);
  CHECK(host.read(0, adma::kCurrent, 8) == host.address(1));
  host.resume();
  host.timeline.run();
  CHECK_FALSE(host.complete(2));
  host.write(0, adma::kControl, 0, 4);
  host.write(0, adma::kStatus, adma::kStatusEvents, 4);
  host.start(2);
  host.timeline.run();
  CHECK(host.complete(2));
  CHECK(host.complete(3));
  CHECK(host.messages.messages.size() == 2);
  host.timeline.choices().ask(nullptr);
}

TEST_CASE("what a host filled in wrongly, and memory that is not there, halt the channel") {
  const auto halts = [](void (*spoil)(adma::Descriptor & descriptor)) {
    AdmaParams params = round_adma();
    params.max_transfer = 65'536;
    params.max_sources = 4;
    AdmaHost host(params);
    spoil(host.prepare(0));
    host.start(0);
    host.timeline.run();
    return (host.read(0, adma::kStatus, 4) & adma::kStatusError) != 0;
  };
  CHECK_FALSE(halts([](adma::Descriptor&) {}));
  CHECK(halts([](adma::Descriptor& d) { d.count = 65'537; }));
  CHECK(halts([](adma::Descriptor& d) { d.control |= adma::source_select(5); }));
  CHECK(halts([](adma::Descriptor& d) { d.control |= adma::kBlockFill | adma::kZeroResult; }));
  CHECK(halts([](adma::Descriptor& d) { d.sources[0] = 8; }));
  CHECK(halts([](adma::Descriptor& d) { d.destination = 8; }));
  CHECK(halts([](adma::Descriptor& d) { d.next = 8; }));
}

TEST_CASE("a channel disabled in the middle of a descriptor writes nothing and tells nothing") {
  AdmaHost host;
  host.prepare(0);
  host.start(0);
  host.timeline.run(SimTime{} + 1us);
  CHECK((host.read(0, adma::kStatus, 4) & adma::kStatusBusy) != 0);
  host.write(0, adma::kControl, 0, 4);
  host.timeline.run();
  CHECK(host.messages.messages.empty());
  CHECK_FALSE(host.complete(0));
  for (const std::byte one : host.bytes(20)) REQUIRE(one == std::byte{0});
  host.start(0);
  host.timeline.run();
  CHECK(host.complete(0));
}

}  // namespace iodrome::hw::test
