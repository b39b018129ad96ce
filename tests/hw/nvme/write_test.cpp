// SPDX-License-Identifier: Apache-2.0
// The write cache, the translation layer and garbage collection as a host sees them.
#include <catch2/catch.hpp>

#include "tests/hw/nvme/host.h"
#include "tests/hw/part_file.h"

namespace iodrome::hw::test {
namespace {

using nvme::IoOpcode;
using nvme::Status;

// Two planes, pages of two mapping units, blocks of four pages: a line is 16 units of 4 KiB.
NvmeParams small_drive() {
  NvmeParams p = part<NvmeParams>("nvme", "samsung_970_pro");
  p.channels = 2;
  p.dies_per_channel = 1;
  p.page_size = 8192;
  p.pages_per_block = 4;
  p.max_transfer = 8192;
  p.write_cache = 32768;
  p.firmware_write = 1us;
  p.firmware_write_unit = 0us;
  p.completion_write = 200ns;
  p.read_slow_share = {0};
  p.program = 200us;
  p.erase = 2ms;
  p.link_rate = {4'096'000'000};     // 4 KiB in 1 us
  p.channel_rate = {4'096'000'000};  // likewise
  return p;
}
constexpr std::uint64_t kLine = 16 * 4096;

Duration run(NvmeHost& host, const nvme::SubmissionEntry& entry) {
  host.done.clear();
  const SimTime start = host.timeline.now();
  host.submit(1, entry);
  host.timeline.run();
  REQUIRE(host.done.size() == 1);
  REQUIRE(host.done[0].entry.code() == 0);
  return host.done[0].time - start;
}

// Runs until the command has ended, and no further.
void run_until_done(NvmeHost& host, const nvme::SubmissionEntry& entry) {
  host.done.clear();
  host.on_done = [&](std::uint32_t, const nvme::CompletionEntry&) { host.timeline.stop(); };
  host.submit(1, entry);
  host.timeline.run();
  host.on_done = {};
  REQUIRE(host.done.size() == 1);
}

nvme::SubmissionEntry write(std::uint64_t unit) {
  return NvmeHost::io(IoOpcode::write, unit * 8, 8);
}

// 0.15 flight + 0.55 fetch + 0.3 message + 0.2 completion around whatever a command does.
constexpr Duration kAround = 1200ns;

}  // namespace

TEST_CASE("a drive that is only read keeps no mapping") {
  NvmeHost host(small_drive(), 1, false, 8 * kLine);
  REQUIRE(host.create_pair(1, 16) == Status::success);
  run(host, NvmeHost::io(IoOpcode::read, 0, 8));
  CHECK(host.drive.flash().ftl() == nullptr);
  run(host, write(0));
  REQUIRE(host.drive.flash().ftl() != nullptr);
  CHECK(host.drive.flash().ftl()->remembered() == 1);
}

TEST_CASE("a flush ends when what the cache holds has been programmed, padded if it must") {
  NvmeHost host(small_drive(), 1, false, 8 * kLine);
  REQUIRE(host.create_pair(1, 16) == Status::success);
  CHECK(run(host, write(0)) == kAround + 1us + 1us);  // firmware, link
  CHECK_FALSE(host.drive.durable(0, 4096));
  CHECK(host.drive.durable(4096, 4096));
  // firmware, page of 8 KiB over the channel, program
  CHECK(run(host, NvmeHost::io(IoOpcode::flush, 0, 1)) == kAround + 1us + 2us + 200us);
  CHECK(host.drive.durable(0, 4096));
  CHECK(run(host, NvmeHost::io(IoOpcode::flush, 0, 1)) == kAround + 1us);
  CHECK(host.drive.flash().pages_programmed() == 1);
  CHECK(host.drive.flash().cache_used() == 0);
}

TEST_CASE("a flush has no work where the cache is protected") {
  NvmeParams params = small_drive();
  params.cache_protected = true;
  NvmeHost host(params, 1, false, 8 * kLine);
  REQUIRE(host.create_pair(1, 16) == Status::success);
  run(host, write(0));
  CHECK(host.drive.durable(0, 4096));
  CHECK(run(host, NvmeHost::io(IoOpcode::flush, 0, 1)) == kAround + 1us);
}

TEST_CASE("a FUA write ends when it is durable") {
  NvmeHost host(small_drive(), 1, false, 8 * kLine);
  REQUIRE(host.create_pair(1, 16) == Status::success);
  nvme::SubmissionEntry entry = write(3);
  entry.cdw12 |= nvme::kForceUnitAccess;
  CHECK(run(host, entry) == kAround + 1us + 1us + 2us + 200us);
  CHECK(host.drive.durable(3 * 4096, 4096));
}

TEST_CASE("what a power loss leaves is a prefix of the writes") {
  NvmeParams params = small_drive();
  params.write_cache = 65536;
  NvmeHost host(params, 1, false, 8 * kLine);
  REQUIRE(host.create_pair(1, 16) == Status::success);
  // Five pages, which the link fills 2 us after one another.
  for (unsigned unit = 0; unit < 10; ++unit) host.queue(1, write(unit));
  host.ring_doorbell(1);
  const SimTime start = host.timeline.now();
  std::vector<std::uint64_t> seen;
  for (int step = 0; step < 700; ++step) {
    host.timeline.run(start + 20us + step * 1us);  // by then the cache has all of them
    std::uint64_t durable = 0;
    while (durable < 10 && host.drive.durable(4096 * durable, 4096)) ++durable;
    for (std::uint64_t unit = durable; unit < 10; ++unit)
      REQUIRE_FALSE(host.drive.durable(4096 * unit, 4096));
    if (seen.empty() || seen.back() != durable) seen.push_back(durable);
  }
  CHECK(seen == std::vector<std::uint64_t>{0, 2, 4, 6, 8, 10});
}

TEST_CASE("a read of what is still in the cache waits for no die") {
  NvmeHost host(small_drive(), 1, false, 8 * kLine);
  REQUIRE(host.create_pair(1, 16) == Status::success);
  const Duration from_page = run(host, NvmeHost::io(IoOpcode::read, 0, 8));
  run(host, write(0));
  const Duration from_cache = run(host, NvmeHost::io(IoOpcode::read, 0, 8));
  // tR and the channel
  CHECK(from_page - from_cache == small_drive().read_fast + 1us);
  run(host, NvmeHost::io(IoOpcode::flush, 0, 1));
  CHECK(run(host, NvmeHost::io(IoOpcode::read, 0, 8)) == from_page);
}

TEST_CASE("a read across what was written and what was not takes each from where it lies") {
  NvmeHost host(small_drive(), 1, false, 8 * kLine);
  REQUIRE(host.create_pair(1, 16) == Status::success);
  run(host, write(1));
  run(host, NvmeHost::io(IoOpcode::flush, 0, 1));
  // Unit 0 is where it was, on plane 0; unit 1 is the first page of an open line, also on plane 0:
  // two sensings one after the other instead of one.
  const NvmeParams params = small_drive();
  const Duration both = run(host, NvmeHost::io(IoOpcode::read, 0, 16));
  CHECK(both == kAround + params.firmware_read_large + 2 * (params.read_fast + 1us) + 1us);
}

TEST_CASE("one-shot programming writes its pages for one program time") {
  NvmeParams params = small_drive();
  params.program_pages = 2;
  NvmeHost host(params, 1, false, 8 * kLine);
  REQUIRE(host.create_pair(1, 16) == Status::success);
  for (unsigned unit = 0; unit < 4; ++unit) host.queue(1, write(unit));
  host.ring_doorbell(1);
  host.timeline.run();
  CHECK(host.drive.flash().pages_programmed() == 2);
  CHECK(host.drive.flash().cache_used() == 0);
  // Both pages lie on the plane of the first.
  const Ftl& ftl = *host.drive.flash().ftl();
  for (unsigned unit = 0; unit < 4; ++unit) CHECK(ftl.where(unit) / 2 % 2 == 0);
}

TEST_CASE("deallocated blocks read as zeros and wait for no die") {
  NvmeHost host(small_drive(), 1, true, 8 * kLine);
  REQUIRE(host.create_pair(1, 16) == Status::success);
  const PhysAddr page = host.memory.allocate_page();
  const auto read_unit = [&](std::uint64_t unit) {
    nvme::SubmissionEntry entry = NvmeHost::io(IoOpcode::read, unit * 8, 8);
    entry.prp1 = page;
    const Duration time = run(host, entry);
    const auto bytes = host.memory.bytes(page, 4096);
    const bool zero = std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
    return std::pair{time, zero};
  };
  const auto before = read_unit(5);
  CHECK_FALSE(before.second);
  nvme::SubmissionEntry zeroes = NvmeHost::io(IoOpcode::write_zeroes, 5 * 8, 8);
  run(host, zeroes);
  CHECK(read_unit(5).second);
  CHECK(before.first - read_unit(5).first == small_drive().read_fast + 1us);
  nvme::SubmissionEntry trim;
  trim.opcode = static_cast<std::uint8_t>(IoOpcode::dataset_management);
  trim.namespace_id = 1;
  trim.cdw10 = 1;  // two ranges
  trim.cdw11 = nvme::kDeallocate;
  trim.prp1 = host.memory.allocate_page();
  host.memory.at<nvme::DatasetRange>(trim.prp1) = {0, 8, 7 * 8};
  host.memory.at<nvme::DatasetRange>(trim.prp1 + 16) = {0, 8, 9 * 8};
  run(host, trim);
  CHECK(read_unit(7).second);
  CHECK_FALSE(read_unit(8).second);
  CHECK(read_unit(9).second);
  CHECK(host.drive.counters().deallocations == 2);
  host.memory.at<nvme::DatasetRange>(trim.prp1) = {0, 8, 8 * kLine / 512};
  host.submit(1, trim);
  host.timeline.run();
  CHECK(host.done.back().entry.code() == static_cast<std::uint16_t>(Status::lba_out_of_range));
  CHECK(host.done.back().entry.do_not_retry());
}

TEST_CASE("what a protected cache held is not mapped again behind a deallocation") {
  NvmeParams params = small_drive();
  params.cache_protected = true;
  NvmeHost host(params, 1, false, 8 * kLine);
  REQUIRE(host.create_pair(1, 16) == Status::success);
  run_until_done(host, write(5));
  run(host, NvmeHost::io(IoOpcode::write_zeroes, 5 * 8, 8));
  run(host, write(7));  // fills the program operation that a leftover of 5 would wait for
  const Duration freed = run(host, NvmeHost::io(IoOpcode::read, 5 * 8, 8));
  const Duration mapped = run(host, NvmeHost::io(IoOpcode::read, 6 * 8, 8));
  CHECK(mapped - freed == small_drive().read_fast + 1us);
}

TEST_CASE("a full drive that is rewritten for ever collects its garbage and loses nothing") {
  NvmeParams params = small_drive();
  params.gc_free_blocks = static_cast<std::int64_t>(GENERATE(2, 4));
  NvmeHost host(params, 1, false, 8 * kLine);
  REQUIRE(host.create_pair(1, 64) == Status::success);
  constexpr std::uint64_t kUnits = 8 * 16;
  constexpr std::uint64_t kWrites = 4000;
  std::uint64_t sent = 0;
  const auto next = [&] {
    if (sent == kWrites) return;
    host.submit(1, write(below(draw(5, Purpose::access_offset, sent++), kUnits)));
  };
  host.on_done = [&](std::uint32_t, const nvme::CompletionEntry& entry) {
    CHECK(entry.code() == 0);
    next();
  };
  for (int i = 0; i < 16; ++i) next();
  host.timeline.run();
  REQUIRE(host.done.size() == kWrites);
  host.on_done = {};
  run(host, NvmeHost::io(IoOpcode::flush, 0, 1));
  const Flash& flash = host.drive.flash();
  const Ftl& ftl = *flash.ftl();
  CHECK(flash.lines_erased() > 200);
  CHECK(ftl.remembered() <= kUnits);
  // Every unit lies somewhere, no two in one slot, and the lines count them right.
  std::vector<std::uint64_t> slots;
  std::map<std::uint64_t, std::uint64_t> by_line;
  for (std::uint64_t unit = 0; unit < kUnits; ++unit) {
    REQUIRE(ftl.valid_unit(ftl.where(unit)) == unit);
    slots.push_back(ftl.where(unit));
    ++by_line[slots.back() / 16];
  }
  std::ranges::sort(slots);
  CHECK(std::ranges::adjacent_find(slots) == slots.end());
  for (const auto& [line, valid] : by_line) CHECK(ftl.valid_slots(line) == valid);
  CHECK(ftl.free_lines() > static_cast<std::uint64_t>(params.gc_free_blocks));
  CHECK(flash.busy_planes() == 0);
  CHECK(host.drive.activities().count() == 0);
  // Writes of the host and moves make up all programs.
  CHECK((flash.pages_programmed() - flash.pages_moved()) * 2 >= kWrites);
}

TEST_CASE("sequential rewriting moves nothing: whole lines turn to garbage") {
  NvmeHost host(small_drive(), 1, false, 8 * kLine);
  REQUIRE(host.create_pair(1, 64) == Status::success);
  for (std::uint64_t i = 0; i < 20 * 8 * 16; ++i) run_until_done(host, write(i % (8 * 16)));
  host.timeline.run();
  CHECK(host.drive.flash().lines_erased() > 100);
  CHECK(host.drive.flash().pages_moved() == 0);
}

TEST_CASE("a medium that is written in place has no garbage") {
  NvmeParams params = small_drive();
  params.in_place = true;
  params.page_size = 4096;
  NvmeHost host(params, 1, false, 8 * kLine);
  REQUIRE(host.create_pair(1, 64) == Status::success);
  for (std::uint64_t i = 0; i < 500; ++i)
    run_until_done(host, write(below(draw(5, Purpose::access_offset, i), 128)));
  host.timeline.run();
  CHECK(host.drive.flash().lines_erased() == 0);
  CHECK(host.drive.flash().pages_programmed() == 500);
  for (std::uint64_t unit = 0; unit < 128; ++unit)
    REQUIRE(host.drive.flash().ftl()->where(unit) == unit);
}

}  // namespace iodrome::hw::test
