// SPDX-License-Identifier: Apache-2.0
#include "hw/dma/dsa.h"

#include <catch2/catch.hpp>

#include "hw/memory/memory.h"
#include "model/engine/crc32c.h"
#include "tests/hw/part_file.h"
#include "tests/hw/scripted_oracle.h"
#include "tests/hw/test_medium.h"

namespace iodrome::hw::test {
namespace {

using dsa::Opcode;
using dsa::Status;

constexpr std::uint32_t kWanted = dsa::kRecordValid | dsa::kRecordRequested;

// 4096 B over the bus take 1 us.
DsaParams round_dsa() {
  DsaParams p = part<DsaParams>("dma", "dsa_2023", "dsa");
  p.engines = 2;
  p.engine_slots = 4;
  p.portal_flight = 100ns;
  p.batch_fetch = 250ns;
  p.descriptor_interval = 20ns;
  p.descriptor_latency = 300ns;
  p.rate = {4'096'000'000};
  p.completion_write = 200ns;
  p.page_fault = 50us;
  p.msi_flight = 400ns;
  return p;
}

// Queue 0 is dedicated, queue 1 shared with a limited portal, both of group 0; queue 2 is of
// group 1.
struct DsaHost {
  explicit DsaHost(const DsaParams& params = round_dsa())
      : device(params, timeline, memory_port, message_port, true) {
    area = memory.allocate_contiguous(64 * 4096);
    records = memory.allocate_contiguous(1024 * sizeof(dsa::Record));
    for (std::uint32_t page = 0; page < 32; ++page)
      for (std::uint32_t i = 0; i < 4096; ++i) bytes(page)[i] = pattern(page, i);
    configure(dsa::queue_config(0), dsa::queue_word(16, 0, 0, true));
    configure(dsa::queue_config(1), dsa::queue_word(8, 4, 0, false));
    configure(dsa::queue_config(2), dsa::queue_word(8, 8, 1, false));
    configure(dsa::engine_config(1), 1);
    configure(dsa::kControl, 1);
  }
  static std::byte pattern(std::uint32_t page, std::uint32_t i) {
    return static_cast<std::byte>(page * 71 + i * 13 + i / 256 + 1);
  }
  PhysAddr at(std::uint32_t page) const { return area + 4096ull * page; }
  std::span<std::byte> bytes(std::uint32_t page, std::size_t size = 4096) {
    return memory.bytes(at(page), size);
  }
  dsa::Record& record(std::uint32_t index) {
    return memory.at<dsa::Record>(records + sizeof(dsa::Record) * index);
  }
  Status status(std::uint32_t index) { return static_cast<Status>(record(index).status); }
  dsa::Descriptor make(Opcode opcode, std::uint32_t index, std::uint32_t size = 4096,
                       std::uint32_t flags = kWanted) {
    dsa::Descriptor d;
    d.set(opcode, flags);
    d.record = records + sizeof(dsa::Record) * index;
    d.source = at(0);
    d.destination = at(40);
    d.size = size;
    return d;
  }
  Response write(std::uint64_t address, std::span<std::byte> data) {
    return device.access(Command::write, address, data);
  }
  Response submit(dsa::Descriptor descriptor, std::uint32_t queue = 0, bool limited = false) {
    return write(dsa::portal(queue, limited), std::as_writable_bytes(std::span{&descriptor, 1}));
  }
  Response try_configure(std::uint64_t address, std::uint32_t value) {
    return write(address, std::as_writable_bytes(std::span{&value, 1}));
  }
  void configure(std::uint64_t address, std::uint32_t value) {
    REQUIRE(try_configure(address, value) == Response::ok);
  }
  std::uint32_t read(std::uint64_t address) {
    std::uint32_t value = 0;
    REQUIRE(device.access(Command::read, address, std::as_writable_bytes(std::span{&value, 1})) ==
            Response::ok);
    return value;
  }
  /// A list in memory, and the batch that names it.
  dsa::Descriptor batch_of(const std::vector<dsa::Descriptor>& list, std::uint32_t index) {
    const PhysAddr where = memory.allocate_contiguous(list.size() * 64);
    for (std::size_t i = 0; i < list.size(); ++i)
      memory.at<dsa::Descriptor>(where + 64 * i) = list[i];
    dsa::Descriptor batch = make(Opcode::batch, index, static_cast<std::uint32_t>(list.size()));
    batch.source = where;
    return batch;
  }
  Duration now() const { return timeline.now().time_since_epoch(); }

  Timeline timeline;
  Memory memory;
  DirectPort memory_port{memory};
  MessageLog messages{timeline};
  DirectPort message_port{messages};
  Dsa device;
  PhysAddr area = 0;
  PhysAddr records = 0;
};

}  // namespace

TEST_CASE("CRC-32C is that of RFC 3720 and of the catalogues") {
  const auto of = [](const auto& bytes) { return crc32c(0, std::as_bytes(std::span{bytes})); };
  CHECK(crc32c(0, std::as_bytes(std::span{"123456789", 9})) == 0xe306'9283);
  std::array<std::uint8_t, 32> bytes{};
  CHECK(of(bytes) == 0x8a91'36aa);
  bytes.fill(0xff);
  CHECK(of(bytes) == 0x62a8'ab43);
  for (std::uint8_t i = 0; i < 32; ++i) bytes[i] = i;
  CHECK(of(bytes) == 0x46dd'794e);
  for (std::uint8_t i = 0; i < 32; ++i) bytes[i] = static_cast<std::uint8_t>(31 - i);
  CHECK(of(bytes) == 0x113f'db5c);
  const auto all = std::as_bytes(std::span{bytes});
  CHECK(crc32c(crc32c(0, all.first(7)), all.subspan(7)) == 0x113f'db5c);
}

TEST_CASE("an unloaded offload takes exactly the sum of its parameters") {
  DsaHost host;
  dsa::Descriptor d = host.make(Opcode::memmove, 0, 4096, kWanted | dsa::kInterrupt);
  host.submit(d);
  host.timeline.run(SimTime{} + 1599ns);
  CHECK(host.status(0) == Status::none);
  host.timeline.run();
  CHECK(host.status(0) == Status::success);
  CHECK(host.record(0).bytes == 4096);
  // portal 0.1, latency 0.3, bus 1, record 0.2, message 0.4
  CHECK(host.now() == 2us);
  CHECK(host.messages.messages.size() == 1);
  for (std::uint32_t i = 0; i < 4096; ++i) REQUIRE(host.bytes(40)[i] == DsaHost::pattern(0, i));
}

TEST_CASE("the part of 2023 does 4 KiB in under a microsecond and 30 GB/s in a row") {
  const DsaParams params = part<DsaParams>("dma", "dsa_2023", "dsa");
  Timeline timeline;
  Memory memory;
  DirectPort memory_port{memory};
  MessageLog messages(timeline);
  DirectPort message_port{messages};
  Dsa device(params, timeline, memory_port, message_port, false);
  const auto write32 = [&](std::uint64_t address, std::uint32_t value) {
    REQUIRE(device.access(Command::write, address, std::as_writable_bytes(std::span{&value, 1})) ==
            Response::ok);
  };
  write32(dsa::queue_config(0), dsa::queue_word(128, 0, 0, true));
  write32(dsa::kControl, 1);
  dsa::Descriptor d;
  d.set(Opcode::memmove, 0);
  d.size = 4096;
  const auto post = [&] {
    REQUIRE(device.access(Command::write, dsa::portal(0),
                          std::as_writable_bytes(std::span{&d, 1})) == Response::ok);
  };
  post();
  timeline.run();
  CHECK(timeline.now() > SimTime{} + 500ns);
  CHECK(timeline.now() < SimTime{} + 840ns);
  const SimTime begin = timeline.now();
  d.size = 1 << 20;
  for (int i = 0; i < 100; ++i) post();
  timeline.run();
  CHECK(device.counters().dropped == 0);
  const double seconds = static_cast<double>(to_ps(timeline.now() - begin)) / 1e12;
  CHECK(100.0 * (1 << 20) / seconds == Approx(30e9).epsilon(0.01));
}

TEST_CASE("a fill, a comparison, a dualcast and CRCs are right at every alignment") {
  for (const std::uint32_t shift : {0u, 1u, 4095u})
    for (const std::uint32_t size : {1u, 63u, 4096u, 9000u}) {
      CAPTURE(shift, size);
      DsaHost host;
      dsa::Descriptor d = host.make(Opcode::fill, 0, size);
      d.source = 0x8877'6655'4433'2211;
      d.destination = host.at(40) + shift;
      host.submit(d);
      d = host.make(Opcode::compare_pattern, 1, size);
      d.source = host.at(40) + shift;
      d.destination = 0x8877'6655'4433'2211;
      host.timeline.run();
      host.submit(d);
      d = host.make(Opcode::dualcast, 2, size);
      d.source += shift;
      d.destination = host.at(44) + 5;
      d.extra[0] = host.at(50) + 7;
      host.submit(d);
      host.timeline.run();
      d = host.make(Opcode::compare, 3, size);
      d.source += shift;
      d.destination = host.at(50) + 7;
      host.submit(d);
      d = host.make(Opcode::copy_crc, 4, size);
      d.source = host.at(44) + 5;
      d.destination = host.at(56);
      host.submit(d);
      d = host.make(Opcode::crc, 5, size);
      d.source += shift;
      host.submit(d);
      host.timeline.run();
      for (std::uint32_t i = 0; i < 6; ++i) {
        CHECK(host.status(i) == Status::success);
        CHECK(host.record(i).bytes == size);
        CHECK(host.record(i).result == 0);
      }
      const auto source = host.memory.bytes(host.at(0) + shift, size);
      const std::uint32_t crc = crc32c(0, source);
      CHECK(host.record(4).crc == crc);
      CHECK(host.record(5).crc == crc);
      CHECK(std::ranges::equal(host.memory.bytes(host.at(44) + 5, size), source));
      CHECK(std::ranges::equal(host.memory.bytes(host.at(56), size), source));
      const auto filled = host.memory.bytes(host.at(40) + shift, size + 1);
      for (std::uint32_t i = 0; i < size; ++i)
        REQUIRE(filled[i] == static_cast<std::byte>(0x11 * (i % 8 + 1)));
      CHECK(filled[size] == std::byte{0});
    }
}

TEST_CASE("a comparison tells the first difference and looks no further") {
  DsaHost host;
  dsa::Descriptor d = host.make(Opcode::memmove, 0, 16'384);
  host.submit(d);
  host.timeline.run();
  host.bytes(42)[100] ^= std::byte{1};
  d = host.make(Opcode::compare, 1, 16'384);
  const Duration begin = host.now();
  host.submit(d);
  host.timeline.run();
  CHECK(host.status(1) == Status::success);
  CHECK(host.record(1).result == 1);
  CHECK(host.record(1).bytes == 2 * 4096 + 100);
  CHECK(host.now() - begin == 100ns + 300ns + 3 * 2us + 200ns);
}

TEST_CASE("a shared queue answers retry when it is full, its limited portal at the threshold") {
  DsaParams params = round_dsa();
  params.engine_slots = 1;
  DsaHost host(params);
  // One is with the engine; the queue holds what comes after.
  host.submit(host.make(Opcode::memmove, 0, 65'536), 1);
  host.timeline.run(SimTime{} + 200ns);
  for (std::uint32_t i = 1; i <= 4; ++i)
    CHECK(host.submit(host.make(Opcode::nop, i), 1, true) == Response::ok);
  CHECK(host.submit(host.make(Opcode::nop, 5), 1, true) == Response::generic_error);
  for (std::uint32_t i = 5; i <= 8; ++i)
    CHECK(host.submit(host.make(Opcode::nop, i), 1) == Response::ok);
  CHECK(host.submit(host.make(Opcode::nop, 9), 1) == Response::generic_error);
  CHECK(host.device.counters().retries == 2);
  host.timeline.run();
  for (std::uint32_t i = 0; i <= 8; ++i) CHECK(host.status(i) == Status::success);
  CHECK(host.status(9) == Status::none);
  CHECK(host.submit(host.make(Opcode::nop, 9), 1, true) == Response::ok);
  host.timeline.run();
  CHECK(host.status(9) == Status::success);
}

TEST_CASE("a posted descriptor without room is dropped, and a register alone says so") {
  DsaParams params = round_dsa();
  params.engine_slots = 1;
  DsaHost host(params);
  host.submit(host.make(Opcode::memmove, 0, 65'536));
  host.timeline.run(SimTime{} + 200ns);
  for (std::uint32_t i = 1; i <= 17; ++i)
    CHECK(host.submit(host.make(Opcode::nop, i)) == Response::ok);
  CHECK(host.read(dsa::kSoftwareError) == 1);
  CHECK(host.device.counters().dropped == 1);
  host.timeline.run();
  for (std::uint32_t i = 0; i <= 16; ++i) CHECK(host.status(i) == Status::success);
  CHECK(host.status(17) == Status::none);
  host.configure(dsa::kSoftwareError, 1);
  CHECK(host.read(dsa::kSoftwareError) == 0);
}

TEST_CASE("an engine takes a descriptor in every interval and works on so many at once") {
  DsaHost host;
  for (std::uint32_t i = 0; i < 9; ++i) host.submit(host.make(Opcode::nop, i));
  // Four at 0, 20, 40, 60 ns after the portal; the fifth when the first one leaves at 300.
  host.timeline.run(SimTime{} + 100ns + 300ns + 200ns + 60ns + ps(1));
  for (std::uint32_t i = 0; i < 9; ++i) CHECK((host.status(i) == Status::success) == (i < 4));
  host.timeline.run();
  CHECK(host.now() == 100ns + 300ns + 300ns + 300ns + 200ns);
}

TEST_CASE("groups have engines of their own, and share the way to memory") {
  DsaParams params = round_dsa();
  params.engine_slots = 1;
  DsaHost host(params);
  for (std::uint32_t i = 0; i < 4; ++i) {
    host.submit(host.make(Opcode::nop, i), 0);
    host.submit(host.make(Opcode::nop, 10 + i), 2);
  }
  host.timeline.run();
  CHECK(host.now() == 100ns + 4 * 300ns + 200ns);
  const Duration begin = host.now();
  host.submit(host.make(Opcode::memmove, 20), 0);
  dsa::Descriptor d = host.make(Opcode::memmove, 21);
  d.destination = host.at(41);
  host.submit(d, 2);
  host.timeline.run();
  CHECK(host.now() - begin == 100ns + 300ns + 2us + 200ns);
}

TEST_CASE("a page that is missing ends the descriptor there; the rest can be asked for again") {
  DsaHost host;
  ScriptedOracle oracle;
  oracle.script["dsa.page"] = {3, 0};
  host.timeline.choices().ask(&oracle);
  dsa::Descriptor d = host.make(Opcode::memmove, 0, 5 * 4096);
  host.submit(d);
  host.timeline.run();
  CHECK(host.status(0) == Status::page_fault);
  CHECK(host.record(0).bytes == 2 * 4096);
  CHECK(host.record(0).fault_address == host.at(2));
  CHECK(host.now() == 100ns + 300ns + 2us + 200ns);
  for (std::uint32_t i = 0; i < 4096; ++i) {
    REQUIRE(host.bytes(41)[i] == DsaHost::pattern(1, i));
    REQUIRE(host.bytes(42)[i] == std::byte{0});
  }
  const std::uint32_t done = host.record(0).bytes;
  d.source += done;
  d.destination += done;
  d.size -= done;
  host.record(0) = {};
  host.submit(d);
  host.timeline.run();
  CHECK(host.status(0) == Status::success);
  for (std::uint32_t page = 0; page < 5; ++page)
    for (std::uint32_t i = 0; i < 4096; ++i)
      REQUIRE(host.bytes(40 + page)[i] == DsaHost::pattern(page, i));
  host.timeline.choices().ask(nullptr);
}

TEST_CASE("with block on fault the descriptor waits for the page instead") {
  DsaHost host;
  ScriptedOracle oracle;
  oracle.script["dsa.page"] = {3};
  host.timeline.choices().ask(&oracle);
  host.submit(host.make(Opcode::memmove, 0, 5 * 4096, kWanted | dsa::kBlockOnFault));
  host.timeline.run();
  CHECK(host.status(0) == Status::success);
  CHECK(host.now() == 100ns + 300ns + 5us + 50us + 200ns);
  CHECK(host.device.counters().page_faults == 1);
  host.timeline.choices().ask(nullptr);
}

TEST_CASE("memory that is not there is a page fault at its address") {
  DsaHost host;
  dsa::Descriptor d = host.make(Opcode::memmove, 0);
  d.destination = 8;
  host.submit(d);
  d = host.make(Opcode::crc, 1);
  d.source = 16;
  host.submit(d);
  host.timeline.run();
  CHECK(host.status(0) == Status::page_fault);
  CHECK(host.record(0).fault_address == 8);
  CHECK(host.record(0).bytes == 0);
  CHECK(host.status(1) == Status::page_fault);
  CHECK(host.record(1).fault_address == 16);
}

TEST_CASE("a batch ends when all of it has, and its descriptors share the engines") {
  DsaHost host;
  std::vector<dsa::Descriptor> list;
  for (std::uint32_t i = 0; i < 6; ++i) {
    list.push_back(host.make(Opcode::memmove, 1 + i));
    list.back().source = host.at(i);
    list.back().destination = host.at(40 + i);
  }
  host.submit(host.batch_of(list, 0));
  host.timeline.run();
  CHECK(host.status(0) == Status::success);
  CHECK(host.record(0).bytes == 6);
  for (std::uint32_t i = 0; i < 6; ++i) {
    CHECK(host.status(1 + i) == Status::success);
    for (std::uint32_t k = 0; k < 4096; ++k)
      REQUIRE(host.bytes(40 + i)[k] == DsaHost::pattern(i, k));
  }
  // The bus never rests: the batch costs one portal, one fetch, one latency and two records.
  CHECK(host.now() == 100ns + 250ns + 300ns + 6us + 200ns + 200ns);
}

TEST_CASE(
    "without a fence a dependent copy reads what was there before; with one what was written") {
  for (const bool fence : {false, true}) {
    DsaParams params = round_dsa();
    params.descriptor_interval = 0ns;
    DsaHost host(params);
    std::vector<dsa::Descriptor> list{host.make(Opcode::memmove, 1, 3 * 4096),
                                      host.make(Opcode::memmove, 2, 4096)};
    list[1].source = host.at(42);  // the last page that the first one writes
    list[1].destination = host.at(50);
    if (fence) list[1].flags_opcode |= dsa::kFence;
    host.submit(host.batch_of(list, 0));
    host.timeline.run();
    CHECK(host.status(0) == Status::success);
    CHECK(host.bytes(50)[9] == (fence ? DsaHost::pattern(2, 9) : std::byte{0}));
  }
}

TEST_CASE("a failure before a fence ends the batch there, without one the others still run") {
  for (const bool fence : {false, true}) {
    DsaHost host;
    std::vector<dsa::Descriptor> list{host.make(Opcode::memmove, 1), host.make(Opcode::memmove, 2),
                                      host.make(Opcode::memmove, 3)};
    list[0].source = 8;
    if (fence) list[1].flags_opcode |= dsa::kFence;
    host.submit(host.batch_of(list, 0));
    host.timeline.run();
    CHECK(host.status(0) == Status::batch_failed);
    CHECK(host.record(0).bytes == (fence ? 1 : 3));
    CHECK(host.status(1) == Status::page_fault);
    for (const std::uint32_t behind : {2u, 3u})
      CHECK(host.status(behind) == (fence ? Status::none : Status::success));
  }
}

TEST_CASE("what a descriptor asks wrongly is told in its record") {
  DsaHost host;
  host.submit(host.make(static_cast<Opcode>(0x7f), 0));
  host.submit(host.make(Opcode::memmove, 1, 0));
  host.submit(host.make(Opcode::batch, 2, 1));
  host.submit(host.make(Opcode::batch, 3, 1025));
  const dsa::Descriptor inner =
      host.batch_of({host.make(Opcode::nop, 8), host.make(Opcode::nop, 9)}, 5);
  host.submit(host.batch_of({inner, host.make(Opcode::nop, 6)}, 4));
  host.timeline.run();
  CHECK(host.status(0) == Status::bad_opcode);
  CHECK(host.status(1) == Status::invalid_size);
  CHECK(host.status(2) == Status::invalid_count);
  CHECK(host.status(3) == Status::invalid_count);
  CHECK(host.status(4) == Status::batch_failed);
  CHECK(host.status(5) == Status::bad_opcode);
  CHECK(host.status(6) == Status::success);
}

TEST_CASE("a success that nobody asked to hear of writes no record, a failure does") {
  DsaHost host;
  host.submit(host.make(Opcode::nop, 0, 0, dsa::kRecordValid));
  dsa::Descriptor d = host.make(Opcode::memmove, 1, 0, dsa::kRecordValid);
  host.submit(d);
  host.timeline.run();
  CHECK(host.status(0) == Status::none);
  CHECK(host.status(1) == Status::invalid_size);
}

TEST_CASE("disabling the device drops everything, batches too, and nothing is written afterwards") {
  for (int delay = 0; delay <= 6'000; delay += 150) {
    CAPTURE(delay);
    DsaHost host;
    std::vector<dsa::Descriptor> list;
    for (std::uint32_t i = 0; i < 8; ++i)
      list.push_back(host.make(Opcode::memmove, 1 + i, 4096, kWanted | dsa::kInterrupt));
    host.submit(host.batch_of(list, 0));
    host.submit(host.make(Opcode::memmove, 9));
    host.timeline.run(SimTime{} + std::chrono::nanoseconds(delay));
    host.configure(dsa::kControl, 0);
    std::vector<Status> before;
    for (std::uint32_t i = 0; i < 10; ++i) before.push_back(host.status(i));
    const std::uint64_t descriptors = host.device.counters().descriptors;
    host.timeline.run();
    for (std::uint32_t i = 0; i < 10; ++i) CHECK(host.status(i) == before[i]);
    CHECK(host.device.counters().descriptors == descriptors);
    CHECK(host.device.activities().count() == 0);
    host.configure(dsa::kControl, 1);
    host.submit(host.make(Opcode::nop, 20));
    host.timeline.run();
    CHECK(host.status(20) == Status::success);
  }
}

TEST_CASE("queues and groups are fixed while the device is enabled, and entries are limited") {
  DsaHost host;
  CHECK(host.try_configure(dsa::queue_config(3), dsa::queue_word(8, 8, 0, false)) ==
        Response::generic_error);
  host.configure(dsa::kControl, 0);
  CHECK(host.try_configure(dsa::queue_config(3), dsa::queue_word(128, 8, 0, false)) ==
        Response::generic_error);
  CHECK(host.try_configure(dsa::queue_config(3), dsa::queue_word(8, 9, 0, false)) ==
        Response::generic_error);
  CHECK(host.try_configure(dsa::queue_config(3), dsa::queue_word(96, 96, 0, false)) ==
        Response::ok);
  CHECK(host.try_configure(dsa::engine_config(0), 2) == Response::generic_error);
  CHECK(host.read(dsa::queue_config(3)) == dsa::queue_word(96, 96, 0, false));
}

}  // namespace iodrome::hw::test
