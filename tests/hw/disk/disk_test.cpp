// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tests/hw/disk/host.h"
#include "tests/hw/part_file.h"

namespace iodrome::hw::test {
namespace {

using disk::AtaCommand;

DiskParams part_2007() {
  return part<DiskParams>("disk", "sata_7200_2007");
}

class FailFirst final : public ChoiceOracle {
 public:
  std::uint32_t choose(Choice kind, std::uint32_t, const char*) override {
    return kind == Choice::fault && asked++ == 0 ? 1 : 0;
  }
  int asked = 0;
};

}  // namespace

TEST_CASE("a read is overhead, the mechanics and the last sector's way over the interface") {
  const DiskParams params = part_2007();
  DiskHost host(params);
  DiskMechanics same(
      params,
      ps(static_cast<std::int64_t>(below(draw(1, Purpose::media_read, 7),
                                         static_cast<std::uint64_t>(to_ps(params.revolution()))))));
  const SimTime begin =
      SimTime{} + params.doorbell_flight + params.command_fetch + params.command_overhead;
  const SimTime passed = same.read(begin, 1'000'000, 64);
  CHECK(SimTime{} + host.run(AtaCommand::read_dma_ext, 1'000'000, 64) ==
        passed + params.interface_rate.time_for(512) + params.msi_flight);
}

TEST_CASE("a buffered read goes at the rate of the interface") {
  const DiskParams params = part_2007();
  DiskHost host(params);
  host.run(AtaCommand::read_dma_ext, 0, 64);
  CHECK(host.run(AtaCommand::read_dma_ext, 0, 64) ==
        params.doorbell_flight + params.command_fetch + params.command_overhead +
            params.interface_rate.time_for(64 * 512) + params.msi_flight);
}

TEST_CASE("random reads of the 2007 part come at about 79 per second") {
  DiskHost host(part_2007());
  const SimTime start = host.timeline.now();
  constexpr int kReads = 2000;
  for (std::uint64_t i = 0; i < kReads; ++i)
    host.run(AtaCommand::read_dma_ext,
             below(draw(1, Purpose::access_offset, i),
                   static_cast<std::uint64_t>(host.device.sectors() - 8)),
             8);
  const double per_second =
      kReads / (static_cast<double>(to_ps(host.timeline.now() - start)) / 1e12);
  CHECK(per_second == Approx(79.0).epsilon(0.1));
}

TEST_CASE("sequential reads of the 2007 part run at the rate under the head less the switches") {
  DiskHost host(part_2007());
  const SimTime start = host.timeline.now();
  constexpr std::uint64_t kReads = 1600;
  for (std::uint64_t i = 0; i < kReads; ++i) host.run(AtaCommand::read_dma_ext, 256 * i, 256);
  const double rate =
      kReads * 256 * 512 / (static_cast<double>(to_ps(host.timeline.now() - start)) / 1e12) / 1e6;
  // 84 MB/s for 8.33 of every 9.13 ms.
  CHECK(rate == Approx(84.0 * 8.3333 / 9.1333).epsilon(0.005));
}

TEST_CASE("payload follows the scatter list") {
  DiskHost host(part_2007(), true);
  const PhysAddr a = host.memory.allocate_page();
  const PhysAddr b = host.memory.allocate_page();
  host.run(AtaCommand::read_dma_ext, 4321, 4, {{a + 100, 512}, {b, 1500}, {a + 2000, 36}});
  CHECK_FALSE(host.done[0].failed);
  CHECK(host.bytes_moved(0) == 2048);
  std::uint64_t offset = 4321 * 512;
  std::size_t wrong = 0;
  for (const auto& [address, bytes] : {std::pair{a + 100, 512u}, {b, 1500u}, {a + 2000, 36u}})
    for (std::uint32_t i = 0; i < bytes; ++i)
      wrong += host.memory.bytes(address, bytes)[i] != TestMedium::original(offset++);
  CHECK(wrong == 0);
}

TEST_CASE("what was written to the disk is what is read") {
  DiskHost host(part_2007(), true);
  const PhysAddr page = host.memory.allocate_page();
  for (std::size_t i = 0; i < 4096; ++i)
    host.memory.bytes(page, 4096)[i] = static_cast<std::byte>(i * 11);
  host.run(AtaCommand::write_dma_ext, 99, 8, {{page, 4096}});
  for (std::size_t i = 0; i < 4096; ++i)
    REQUIRE(host.medium.at(99 * 512 + i) == static_cast<std::byte>(i * 11));
  CHECK(host.device.counters().bytes_from_host == 4096);
}

TEST_CASE("32 commands are served first come, first served") {
  DiskHost host(part_2007());
  std::vector<std::uint32_t> order;
  host.on_done = [&](std::uint32_t slot) { order.push_back(slot); };
  for (std::uint32_t slot = 0; slot < 32; ++slot)
    host.prepare(slot, AtaCommand::read_dma_ext, (slot * 7919ull * 1000) % 300'000'000, 8);
  host.issue(0xffff'0000);
  host.issue(0x0000'ffff);
  host.timeline.run();
  REQUIRE(order.size() == 32);
  for (std::uint32_t i = 0; i < 32; ++i) CHECK(order[i] == (i + 16) % 32);
  CHECK(host.device.activities().count() == 0);
}

TEST_CASE("identify tells the sectors, and reads beyond them fail") {
  DiskHost host(part_2007(), false, 1, 1 << 20);
  CHECK(host.device.sectors() == 2048);
  const PhysAddr page = host.memory.allocate_page();
  host.run(AtaCommand::identify_device, 0, 1, {{page, 512}});
  CHECK(host.memory.at<std::uint64_t>(page + disk::kIdentifySectorsAt) == 2048);
  host.run(AtaCommand::read_dma_ext, 2040, 8);
  CHECK_FALSE(host.done[0].failed);
  host.run(AtaCommand::read_dma_ext, 2041, 8);
  CHECK(host.done[0].failed);
  CHECK(host.read(disk::kPxTfd) == disk::kPxTfdError);
}

TEST_CASE("a media fault fails its command alone") {
  DiskHost host(part_2007());
  FailFirst oracle;
  host.timeline.choices().ask(&oracle);
  host.run(AtaCommand::read_dma_ext, 0, 8);
  CHECK(host.done[0].failed);
  host.run(AtaCommand::read_dma_ext, 0, 8);
  CHECK_FALSE(host.done[0].failed);
  CHECK(host.device.counters().errors == 1);
}

TEST_CASE("a short scatter list or memory that is not there fails the command") {
  DiskHost host(part_2007(), true);
  const PhysAddr page = host.memory.allocate_page();
  host.run(AtaCommand::read_dma_ext, 0, 8, {{page, 512}});
  CHECK(host.done[0].failed);
  host.run(AtaCommand::read_dma_ext, 0, 1, {{8, 512}});
  CHECK(host.done[0].failed);
}

TEST_CASE("a stopped port refuses commands") {
  DiskHost host(part_2007());
  host.write(disk::kPxCmd, 0, 4);
  CHECK(host.issue(1) == Response::generic_error);
  CHECK(host.write(disk::kPxClb, 0, 4) == Response::command_error);
  CHECK(host.write(0xff0, 0, 4) == Response::address_error);
}

TEST_CASE("the seed turns the platters: two seeds differ, one repeats") {
  const auto latency = [](std::uint64_t seed) {
    DiskHost host(part_2007(), false, seed);
    return host.run(AtaCommand::read_dma_ext, 123'456, 8);
  };
  CHECK(latency(1) == latency(1));
  CHECK(latency(1) != latency(2));
}

}  // namespace iodrome::hw::test
