// SPDX-License-Identifier: Apache-2.0
#include "model/drivers/disk/disk_driver.h"

#include "hw/disk/disk.h"
#include "model/explore/random_walk.h"
#include "tests/hw/disk/round_disk.h"
#include "tests/hw/scripted_oracle.h"
#include "tests/hw/test_medium.h"
#include "tests/model/kernel/rig.h"

namespace iodrome::drivers {
namespace {

using namespace kernel;

hw::DiskParams small_disk() {
  hw::DiskParams p = hw::test::round_disk();
  p.write_cache = 1 << 20;
  p.write_cache_on = true;
  p.write_cache_age = 1s;
  return p;
}

// A machine with a disk, and bios of a page each that note their ends.
struct DiskRig {
  static constexpr std::uint64_t kBytes = 1ull << 32;

  explicit DiskRig(const hw::DiskParams& params = small_disk(), ChoiceOracle* oracle = nullptr)
      : rig(2),
        device(params, rig.timeline, memory_port, interrupt_port, medium, hw::DrawKey{1, 7}) {
    rig.system.scheduler.hz = 250;
    rig.timeline.spawn(driver.attach(), "attach");
    rig.timeline.run();
    rig.timeline.choices().ask(oracle);
  }
  ~DiskRig() {
    rig.timeline.choices().ask(nullptr);
    rig.end();
  }

  struct PageBio : Bio {
    DiskRig* owner = nullptr;
    hw::PhysAddr page = 0;
    int ends = 0;
    SimTime ended{};
  };
  static Task<void> note_end(Atomic& ctx, Bio& bio) {
    auto& mine = static_cast<PageBio&>(bio);
    ++mine.ends;
    mine.ended = ctx.now();
    mine.owner->order.push_back(&mine);
    return Task<void>::ready();
  }

  PageBio& bio(BlockOp op, std::uint64_t sector) {
    bios.push_back(std::make_unique<PageBio>());
    PageBio& made = *bios.back();
    made.owner = this;
    made.op = op;
    made.sector = sector;
    made.end_io = &note_end;
    if (op == BlockOp::flush) return made;
    made.bytes = hw::kPageBytes;
    if (op == BlockOp::discard) return made;
    made.page = rig.memory.allocate_page();
    made.segments.push_back({made.page, hw::kPageBytes});
    if (op == BlockOp::write)
      for (std::size_t i = 0; i < hw::kPageBytes; ++i)
        rig.memory.bytes(made.page, hw::kPageBytes)[i] = written(sector, i);
    return made;
  }
  static std::byte written(std::uint64_t sector, std::size_t i) {
    return static_cast<std::byte>(sector * 31 + i * 7 + 5);
  }
  bool holds(const PageBio& bio) {
    for (std::size_t i = 0; i < hw::kPageBytes; ++i)
      if (rig.memory.bytes(bio.page, hw::kPageBytes)[i] != medium.at(bio.sector * 512 + i))
        return false;
    return true;
  }
  /// All bios made so far, submitted from one thread.
  void submit_all() {
    rig.thread(
        1, *this, +[](Sleepable& ctx, DiskRig& self) -> Task<void> {
          for (std::size_t i = 0; i < self.bios.size(); ++i)
            co_await self.block.submit(ctx, *self.bios[i]);
        });
    rig.run();
  }

  Rig rig;
  IrqController irqs{rig.system};
  hw::DirectPort memory_port{rig.memory};
  hw::DirectPort interrupt_port{irqs};
  hw::test::TestMedium medium{kBytes, true};
  hw::Disk device;
  hw::DirectPort registers{device};
  BlockSoftirq softirq{rig.system};
  DiskDriver driver{rig.system, irqs, softirq, registers, 32};
  BlockDevice block{driver};
  std::vector<std::unique_ptr<PageBio>> bios;
  std::vector<PageBio*> order;
};

std::uint64_t random_sector(std::uint64_t number) {
  return below(draw(1, Purpose::access_offset, number), 8'000'000 / 8) * 8;
}

}  // namespace

TEST_CASE("the driver learns from the disk whether there are a queue and a write cache") {
  CHECK(DiskRig().driver.ncq_depth() == 32);
  CHECK(DiskRig().driver.volatile_cache());
  hw::DiskParams params = small_disk();
  params.queue_depth = 1;
  params.write_cache_on = false;
  DiskRig plain(params);
  CHECK(plain.driver.ncq_depth() == 1);
  CHECK_FALSE(plain.driver.volatile_cache());
}

TEST_CASE("with NCQ the disk chooses the order; without, it is that of submission") {
  hw::DiskParams params = small_disk();
  for (const std::int64_t depth : {1, 32}) {
    params.queue_depth = depth;
    DiskRig disk(params);
    for (std::uint64_t i = 0; i < 32; ++i) disk.bio(BlockOp::read, random_sector(i));
    disk.submit_all();
    REQUIRE(disk.order.size() == 32);
    bool in_turn = true;
    for (std::size_t i = 0; i < 32; ++i) {
      CHECK(disk.bios[i]->status == Errno::ok);
      CHECK(disk.holds(*disk.bios[i]));
      in_turn = in_turn && disk.order[i] == disk.bios[i].get();
    }
    CHECK(in_turn == (depth == 1));
  }
}

TEST_CASE("a disk of a short queue is never given more than it takes") {
  hw::DiskParams params = small_disk();
  params.queue_depth = 4;
  DiskRig disk(params);
  for (std::uint64_t i = 0; i < 40; ++i) disk.bio(BlockOp::read, random_sector(i));
  disk.submit_all();
  CHECK(disk.order.size() == 40);
  for (const auto& bio : disk.bios) CHECK(bio->status == Errno::ok);
  CHECK(disk.device.counters().errors == 0);
}

TEST_CASE("a flush waits for queued commands and keeps later ones back: they never mix") {
  DiskRig disk;
  for (std::uint64_t i = 0; i < 20; ++i) {
    disk.bio(i % 2 == 0 ? BlockOp::write : BlockOp::read, random_sector(i));
    if (i % 5 == 4) disk.bio(BlockOp::flush, 0);
  }
  disk.submit_all();
  CHECK(disk.order.size() == 24);
  CHECK(disk.device.counters().errors == 0);
  SimTime last_flush{};
  for (std::size_t i = 0; i < disk.bios.size(); ++i) {
    const DiskRig::PageBio& bio = *disk.bios[i];
    CHECK(bio.status == Errno::ok);
    CHECK(bio.ended > last_flush);
    if (bio.op != BlockOp::flush) continue;
    for (std::size_t before = 0; before < i; ++before) CHECK(disk.bios[before]->ended < bio.ended);
    last_flush = bio.ended;
  }
}

TEST_CASE("a write with FUA is on the medium when it ends, another one in the cache") {
  for (const std::int64_t depth : {1, 32})
    for (const bool forced : {false, true}) {
      hw::DiskParams params = small_disk();
      params.queue_depth = depth;
      DiskRig disk(params);
      DiskRig::PageBio& bio = disk.bio(BlockOp::write, 80'000);
      bio.fua = forced;
      disk.submit_all();
      CHECK(bio.status == Errno::ok);
      CHECK(disk.device.counters().destages == (forced ? 0 : 1));
      CHECK(disk.medium.at(80'000 * 512 + 3) == DiskRig::written(80'000, 3));
    }
}

TEST_CASE("a media error is that of its own bio") {
  hw::test::ScriptedOracle oracle;
  oracle.script["disk.command"] = {0, 1, 0};
  DiskRig disk(small_disk(), &oracle);
  for (std::uint64_t i = 0; i < 3; ++i) disk.bio(BlockOp::read, random_sector(i));
  disk.submit_all();
  REQUIRE(disk.order.size() == 3);
  CHECK(disk.order[0]->status == Errno::ok);
  CHECK(disk.order[1]->status == Errno::eio);
  CHECK(disk.order[2]->status == Errno::ok);
}

TEST_CASE("a lost interrupt costs the timeout, a lost command a reset besides") {
  for (const char* const site : {"disk.interrupt", "disk.command"}) {
    CAPTURE(site);
    const bool command = std::string_view(site) == "disk.command";
    hw::test::ScriptedOracle oracle;
    oracle.script[site] = {command ? 2u : 1u};
    DiskRig disk(small_disk(), &oracle);
    DiskRig::PageBio& bio = disk.bio(BlockOp::read, 80'000);
    const SimTime begin = disk.rig.timeline.now();
    disk.submit_all();
    CHECK(bio.ends == 1);
    CHECK(bio.status == Errno::ok);
    CHECK(disk.holds(bio));
    CHECK(disk.driver.resets() == (command ? 1 : 0));
    CHECK(bio.ended >= begin + 30s);
    // At this distance the wheel counts in 512 jiffies of 4 ms.
    CHECK(bio.ended < begin + 30s + 512 * 4ms + 40ms);
  }
}

TEST_CASE("a reset issues everything again, and nobody but the lost one has waited for it") {
  hw::test::ScriptedOracle oracle;
  oracle.script["disk.command"] = {0, 0, 2};
  DiskRig disk(small_disk(), &oracle);
  for (std::uint64_t i = 0; i < 10; ++i) disk.bio(BlockOp::read, random_sector(i));
  disk.bio(BlockOp::flush, 0);
  disk.bio(BlockOp::write, 8);
  disk.submit_all();
  REQUIRE(disk.order.size() == 12);
  CHECK(disk.order[8]->ended < SimTime{} + 1s);
  CHECK(disk.order[9]->ended > SimTime{} + 30s);
  CHECK(disk.order[10]->op == BlockOp::flush);
  for (const auto& bio : disk.bios) CHECK(bio->status == Errno::ok);
  CHECK(disk.driver.resets() == 1);
}

TEST_CASE("a command that is lost time and again fails in the end") {
  hw::test::ScriptedOracle oracle;
  oracle.script["disk.command"] = {2, 2, 2, 2, 2, 2};
  DiskRig disk(small_disk(), &oracle);
  DiskRig::PageBio& bio = disk.bio(BlockOp::read, 80'000);
  disk.submit_all();
  CHECK(bio.ends == 1);
  CHECK(bio.status == Errno::eio);
  CHECK(disk.driver.resets() == 6);
}

TEST_CASE("a discard is refused") {
  DiskRig disk;
  DiskRig::PageBio& bio = disk.bio(BlockOp::discard, 80'000);
  disk.submit_all();
  CHECK(bio.status == Errno::eopnotsupp);
}

TEST_CASE("whatever the order and the faults, every bio ends once and its bytes are right") {
  int failures = 0;
  std::uint64_t resets = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    explore::RandomWalk oracle(seed);
    hw::DiskParams params = small_disk();
    params.queue_depth = seed % 3 == 0 ? 1 : 8;
    DiskRig disk(params, &oracle);
    for (std::uint64_t i = 0; i < 12; ++i) {
      disk.bio(i % 3 == 0 ? BlockOp::write : BlockOp::read, random_sector(i));
      if (i % 6 == 5) disk.bio(BlockOp::flush, 0);
    }
    disk.submit_all();
    for (const auto& bio : disk.bios) {
      CHECK(bio->ends == 1);
      failures += bio->status == Errno::ok ? 0 : 1;
      if (bio->op != BlockOp::flush && bio->status == Errno::ok) CHECK(disk.holds(*bio));
    }
    CHECK(disk.block.in_flight() == 0);
    resets += disk.driver.resets();
  }
  CHECK(failures > 100);
  CHECK(resets > 100);
}

}  // namespace iodrome::drivers
