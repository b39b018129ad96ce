// SPDX-License-Identifier: Apache-2.0
// The disk's write cache: when a write ends, when it is on the medium, what a loss of power leaves.
#include "hw/disk/write_cache.h"

#include <catch2/catch.hpp>

#include <set>

#include "tests/hw/disk/host.h"
#include "tests/hw/part_file.h"

namespace iodrome::hw::test {
namespace {

using disk::AtaCommand;

DiskParams cached_disk() {
  DiskParams p = part<DiskParams>("disk", "sata_7200_2007");
  p.write_cache = 64 * 512;
  p.write_cache_on = true;
  p.write_cache_age = 10s;
  p.read_ahead = 0;
  return p;
}

Duration into_cache(const DiskParams& p, std::int64_t sectors) {
  return p.doorbell_flight + p.command_fetch + p.command_overhead +
         p.interface_rate.time_for(sectors * 512) + p.msi_flight;
}

bool durable(DiskHost& host, std::uint64_t sector, std::uint64_t sectors) {
  return host.device.durable(sector * 512, sectors * 512);
}

// Starts a command and runs until it has ended, not until the disk is quiet.
void start(DiskHost& host, AtaCommand command, std::uint64_t sector, std::uint32_t sectors) {
  const std::size_t before = host.done.size();
  host.prepare(0, command, sector, sectors);
  REQUIRE(host.issue(1) == Response::ok);
  while (host.done.size() == before) {
    REQUIRE(host.timeline.next_time() != kNever);
    run_until(host, host.timeline.next_time());
  }
}

}  // namespace

TEST_CASE("a cached write ends when the cache has it, and is on the medium only later") {
  const DiskParams params = cached_disk();
  DiskHost host(params);
  start(host, AtaCommand::write_dma_ext, 1'000'000, 8);
  CHECK(host.timeline.now() == SimTime{} + into_cache(params, 8));
  CHECK_FALSE(durable(host, 1'000'000, 8));
  CHECK_FALSE(durable(host, 1'000'007, 1));
  CHECK(durable(host, 1'000'008, 1));
  CHECK(durable(host, 999'000, 1'000));
  host.timeline.run();
  CHECK(durable(host, 1'000'000, 8));
  CHECK(host.device.counters().destages == 1);
}

TEST_CASE("without the cache, and with FUA, a write takes the mechanics and is durable") {
  DiskParams params = cached_disk();
  for (const AtaCommand command : {AtaCommand::write_dma_fua_ext, AtaCommand::write_dma_ext}) {
    params.write_cache_on = command == AtaCommand::write_dma_fua_ext;
    DiskHost host(params);
    DiskMechanics same(params, ps(static_cast<std::int64_t>(
                                   below(draw(1, Purpose::media_read, 7),
                                         static_cast<std::uint64_t>(to_ps(params.revolution()))))));
    const SimTime begin =
        SimTime{} + params.doorbell_flight + params.command_fetch + params.command_overhead;
    start(host, command, 1'000'000, 8);
    CHECK(host.timeline.now() == same.write(begin, 1'000'000, 8) + params.msi_flight);
    CHECK(durable(host, 1'000'000, 8));
  }
}

TEST_CASE("a forced write of cached sectors leaves nothing of them to be written again") {
  DiskHost host(cached_disk());
  host.prepare(0, AtaCommand::write_dma_ext, 1'000'000, 8);
  host.prepare(1, AtaCommand::write_dma_fua_ext, 1'000'000, 8);
  host.issue(3);
  host.timeline.run();
  CHECK(host.done.size() == 2);
  CHECK(host.device.counters().destages == 0);
  CHECK(durable(host, 1'000'000, 8));
}

TEST_CASE("after a flush everything that was cached is on the medium") {
  DiskHost host(cached_disk());
  for (std::uint32_t slot = 0; slot < 6; ++slot)
    host.prepare(slot, AtaCommand::write_dma_ext, 30'000'000ull * slot, 8);
  host.prepare(6, AtaCommand::flush_cache_ext, 0, 0);
  host.issue(0x7f);
  std::size_t early = 0;
  host.on_done = [&](std::uint32_t slot) {
    if (slot == 5)
      for (std::uint32_t i = 0; i < 6; ++i) early += durable(host, 30'000'000ull * i, 8) ? 1 : 0;
    if (slot == 6)
      for (std::uint32_t i = 0; i < 6; ++i) CHECK(durable(host, 30'000'000ull * i, 8));
  };
  host.timeline.run();
  CHECK(host.done.size() == 7);
  CHECK(early == 0);
  CHECK(host.device.counters().destages == 6);
}

TEST_CASE("the order in which cached writes become durable is that of the shortest positioning") {
  const DiskParams params = cached_disk();
  DiskHost host(params);
  DiskMechanics same(
      params,
      ps(static_cast<std::int64_t>(below(draw(1, Purpose::media_read, 7),
                                         static_cast<std::uint64_t>(to_ps(params.revolution()))))));
  std::vector<std::uint64_t> waiting;
  for (std::uint64_t i = 0; i < 8; ++i)
    waiting.push_back(below(draw(9, Purpose::access_offset, i), 300'000'000) / 8 * 8);
  for (std::uint32_t slot = 0; slot < 8; ++slot)
    host.prepare(slot, AtaCommand::write_dma_ext, waiting[slot], 8);
  host.prepare(8, AtaCommand::flush_cache_ext, 0, 0);
  host.issue(0x1ff);
  // Each is durable exactly from the end of its operation on; before, a loss of power leaves what
  // was there.
  SimTime time = SimTime{} + params.doorbell_flight + params.command_fetch +
                 8 * (params.command_overhead + params.interface_rate.time_for(4096)) +
                 params.command_overhead;
  while (!waiting.empty()) {
    const auto next =
        std::min_element(waiting.begin(), waiting.end(), [&](std::uint64_t a, std::uint64_t b) {
          const DiskPlace arm = same.arm_at(time);
          return same.reach(arm, time, static_cast<std::int64_t>(a)) <
                 same.reach(arm, time, static_cast<std::int64_t>(b));
        });
    const std::uint64_t sector = *next;
    waiting.erase(next);
    time = same.write(time, static_cast<std::int64_t>(sector), 8);
    run_until(host, time - ps(1));
    CHECK_FALSE(durable(host, sector, 8));
    run_until(host, time);
    CHECK(durable(host, sector, 8));
    for (const std::uint64_t other : waiting) CHECK_FALSE(durable(host, other, 8));
  }
  host.timeline.run();
  CHECK(host.done.size() == 9);
}

TEST_CASE("a write that finds no room waits until cached ones have made some") {
  const DiskParams params = cached_disk();  // room for 8 writes of 8 sectors
  DiskHost host(params);
  for (std::uint32_t slot = 0; slot < 9; ++slot)
    host.prepare(slot, AtaCommand::write_dma_ext, 30'000'000ull * slot, 8);
  host.issue(0x1ff);
  host.timeline.run();
  REQUIRE(host.done.size() == 9);
  CHECK(host.done[7].time < SimTime{} + 9 * into_cache(params, 8));
  CHECK(host.done[8].time > SimTime{} + 9 * into_cache(params, 8));
  CHECK(host.done[8].time < SimTime{} + 9 * into_cache(params, 8) + 40ms);
  // More than the cache holds goes past it.
  start(host, AtaCommand::write_dma_ext, 5'000, 65);
  CHECK(durable(host, 5'000, 65));
}

TEST_CASE("sectors written again while they wait are written to the medium once") {
  DiskHost host(cached_disk());
  for (std::uint32_t slot = 0; slot < 20; ++slot)
    host.prepare(slot, AtaCommand::write_dma_ext, 1'000'000, 8);
  host.issue(0xfffff);
  host.timeline.run();
  CHECK(host.done.size() == 20);
  CHECK(host.device.counters().destages == 1);
}

TEST_CASE("neighbours on one track go to the medium together") {
  DiskHost host(cached_disk());
  for (std::uint32_t slot = 0; slot < 8; ++slot)
    host.prepare(slot, AtaCommand::write_dma_ext, 8 * slot, 8);
  host.issue(0xff);
  host.timeline.run();
  CHECK(host.device.counters().destages <= 2);
  CHECK(durable(host, 0, 64));
}

TEST_CASE("a read of what waits in the cache needs no arm") {
  const DiskParams params = cached_disk();
  DiskHost host(params);
  host.prepare(0, AtaCommand::write_dma_ext, 1'000'000, 8);
  host.prepare(1, AtaCommand::read_dma_ext, 1'000'002, 4);
  host.issue(3);
  run_until(host, SimTime{} + into_cache(params, 8) + into_cache(params, 4));
  CHECK(host.done.size() == 2);
}

TEST_CASE("cached writes do not starve beside a stream of reads") {
  DiskParams params = cached_disk();
  params.write_cache_age = 100ms;
  DiskHost host(params);
  int reads = 0;
  host.prepare(0, AtaCommand::write_dma_ext, 1'000'000, 8);
  host.issue(1);
  const auto next = [&](std::uint32_t slot) {
    host.prepare(slot, AtaCommand::read_dma_ext, 7'919'000ull * static_cast<unsigned>(++reads), 8);
    host.issue(1u << slot);
  };
  for (std::uint32_t slot = 1; slot < 4; ++slot) next(slot);
  host.on_done = [&](std::uint32_t slot) {
    if (slot != 0 && reads < 40) next(slot);
  };
  run_until(host, SimTime{} + 100ms);
  CHECK_FALSE(durable(host, 1'000'000, 8));
  run_until(host, SimTime{} + 150ms);
  CHECK(durable(host, 1'000'000, 8));
  CHECK(reads < 40);
}

TEST_CASE("reading ahead goes before writes that wait, as long as no command comes") {
  DiskParams params = cached_disk();
  params.read_ahead = 1 << 20;
  DiskHost host(params);
  host.prepare(0, AtaCommand::write_dma_ext, 100'000'000, 8);
  host.prepare(1, AtaCommand::read_dma_ext, 0, 8);
  host.issue(3);
  while (host.done.size() < 2) run_until(host, host.timeline.next_time());
  // 1 MiB at 84 MB/s, less the switches.
  run_until(host, host.timeline.now() + 12ms);
  CHECK(host.device.counters().destages == 0);
  host.timeline.run();
  CHECK(host.device.counters().destages == 1);
  host.done.clear();
  CHECK(host.run(AtaCommand::read_dma_ext, 8, 8) == into_cache(params, 8));
}

TEST_CASE("set features turns the cache off and on; turning it off writes it out") {
  const DiskParams params = cached_disk();
  DiskHost host(params, true);
  const PhysAddr page = host.memory.allocate_page();
  const auto enabled = [&] {
    host.run(AtaCommand::identify_device, 0, 1, {{page, 512}});
    return (host.memory.at<std::uint16_t>(page + disk::kIdentifyEnabledAt) &
            disk::kIdentifyWriteCache) != 0;
  };
  CHECK(enabled());
  host.prepare(0, AtaCommand::write_dma_ext, 100'000'000, 1, {{page, 512}});
  host.prepare(1, AtaCommand::set_features, 0, 0);
  host.fis(1).features = disk::kDisableWriteCache;
  host.issue(3);
  while (host.done.size() < 3) run_until(host, host.timeline.next_time());
  CHECK(durable(host, 100'000'000, 1));
  CHECK_FALSE(enabled());
  host.prepare(0, AtaCommand::set_features, 0, 0);
  host.fis(0).features = disk::kEnableWriteCache;
  host.issue(1);
  host.timeline.run();
  CHECK(enabled());
}

TEST_CASE("stopping the port leaves the write cache what it has, and it goes to the medium") {
  DiskHost host(cached_disk());
  start(host, AtaCommand::write_dma_ext, 1'000'000, 8);
  host.prepare(1, AtaCommand::read_dma_ext, 0, 8);
  host.issue(2);
  host.restart();
  CHECK_FALSE(durable(host, 1'000'000, 8));
  host.timeline.run();
  CHECK(durable(host, 1'000'000, 8));
  CHECK(host.done.size() == 1);
}

TEST_CASE("the runs of a write cache are what a plain set of sectors says") {
  DiskWriteCache cache;
  std::map<std::int64_t, SimTime> plain;
  for (std::uint64_t i = 0; i < 3'000; ++i) {
    const auto first = static_cast<std::int64_t>(below(draw(1, Purpose::exploration, i, 0), 400));
    const auto count =
        static_cast<std::int64_t>(below(draw(1, Purpose::exploration, i, 1), 30)) + 1;
    const SimTime now = SimTime{} + ps(static_cast<std::int64_t>(i));
    switch (below(draw(1, Purpose::exploration, i, 2), 4)) {
      case 0:
      case 1:
        cache.add(first, count, now);
        for (std::int64_t s = first; s < first + count; ++s) plain[s] = now;
        break;
      case 2:
        cache.remove(first, count);
        for (std::int64_t s = first; s < first + count; ++s) plain.erase(s);
        break;
      case 3:
        if (cache.empty()) break;
        const std::int64_t oldest = cache.oldest();
        for (const auto& [sector, since] : plain) REQUIRE(cache.oldest_since() <= since);
        REQUIRE(plain.at(oldest) == cache.oldest_since());
        const std::int64_t end = cache.take(oldest, oldest + 20);
        REQUIRE(end > oldest);
        REQUIRE(end <= oldest + 20);
        REQUIRE((end == oldest + 20 || !plain.contains(end)));
        for (std::int64_t s = oldest; s < end; ++s) REQUIRE(plain.erase(s) == 1);
    }
    REQUIRE(cache.sectors() == static_cast<std::int64_t>(plain.size()));
    std::int64_t held = 0;
    for (std::int64_t s = first; s < first + count; ++s) held += plain.contains(s) ? 1 : 0;
    REQUIRE(cache.holds_all(first, count) == (held == count));
    REQUIRE(cache.holds_any(first, count) == (held > 0));
  }
}

}  // namespace iodrome::hw::test
