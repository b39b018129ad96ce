// SPDX-License-Identifier: Apache-2.0
#include "hw/factory.h"

#include <catch2/catch.hpp>

#include "hw/memory/memory.h"
#include "tests/hw/part_file.h"
#include "tests/hw/test_medium.h"

namespace iodrome::hw::test {

TEST_CASE("every shipped part makes a device that answers") {
  Timeline timeline;
  Memory memory;
  DirectPort memory_port{memory};
  MessageLog messages(timeline);
  DirectPort message_port{messages};
  TestMedium medium(std::uint64_t{1} << 38, false);
  std::uint32_t word = 0;
  const std::span<std::byte> value = std::as_writable_bytes(std::span{&word, 1});
  for (const char* const name : {"gen4_datacenter", "gen5_datacenter", "intel_p3600",
                                 "optane_p5800x", "samsung_970_pro", "samsung_xs1715"}) {
    const auto drive = make_nvme(part<NvmeParams>("nvme", name), timeline, memory_port,
                                 message_port, medium, {1, 0});
    REQUIRE(drive->access(Command::read, nvme::kVs, value) == Response::ok);
    CHECK(word == nvme::kVersion14);
  }
  for (const auto& [name, sectors] :
       {std::pair{"sata_7200_2007", 350'000'000}, std::pair{"sas_15k_2007", 530'000'000}}) {
    const auto disk = make_disk(part<DiskParams>("disk", name), timeline, memory_port, message_port,
                                medium, {1, 1});
    REQUIRE(disk->access(Command::read, disk::kPxTfd, value) == Response::ok);
    CHECK(word == disk::kPxTfdReady);
    CHECK(disk->sectors() > sectors);  // about 200 GB, and what the medium of 275 GB has
  }
  const Network network = make_network(part<NicParams>("nic", "gbe_1"),
                                       part<ClientParams>("nic", "clients_lan", "clients"),
                                       timeline, memory_port, message_port, nullptr);
  REQUIRE(network.card->access(Command::read, nic::kMss, value) == Response::ok);
  CHECK(word == 1448);
}

TEST_CASE("values that no drive can have are all named at once") {
  NvmeParams params = part<NvmeParams>("nvme", "gen4_datacenter");
  params.block_size = 1000;
  params.channels = 0;
  params.write_cache = 0;
  params.read_slow_share = {1'000'001};
  ParameterProblems problems;
  params.examine(problems);
  std::string all;
  for (const std::string& line : problems.lines()) all += line + "\n";
  for (const char* const name :
       {"block_size: ", "channels: ", "write_cache: ", "read_slow_share: "})
    CHECK(all.find(name) != std::string::npos);
  CHECK(problems.lines().size() == 4);
}

TEST_CASE("a device may be destroyed in the middle of its work") {
  Timeline timeline;
  Memory memory;
  DirectPort memory_port{memory};
  MessageLog messages(timeline);
  DirectPort message_port{messages};
  const Network network = make_network(part<NicParams>("nic", "gbe_1"),
                                       part<ClientParams>("nic", "clients_lan", "clients"),
                                       timeline, memory_port, message_port, nullptr);
  for (int i = 0; i < 100; ++i) network.card->transmit_to_card({});
  CHECK(network.card->activities().count() == 100);
}

}  // namespace iodrome::hw::test
