// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/block/block.h"

#include "tests/model/kernel/disk.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

struct TestBio : Bio {
  std::vector<std::uint64_t>* ends = nullptr;
  Cost* end_work = nullptr;
  static Task<void> ended(Atomic& ctx, Bio& bio) {
    auto& self = static_cast<TestBio&>(bio);
    if (self.end_work != nullptr) co_await ctx.spend(*self.end_work);
    self.ends->push_back(bio.sector);
  }
};

struct Scene : DiskRig {
  Scene(std::uint32_t cpus, std::uint32_t depth) : DiskRig(cpus, depth) {}
  TestBio& bio(std::uint64_t sector) {
    bios.push_back(std::make_unique<TestBio>());
    bios.back()->sector = sector;
    bios.back()->bytes = 512;
    bios.back()->ends = &ends;
    bios.back()->end_io = &TestBio::ended;
    return *bios.back();
  }
  std::deque<std::unique_ptr<TestBio>> bios;
  std::vector<std::uint64_t> ends;
  Cost pause{400ns};
  Cost end_work{300ns};
};

using Sectors = std::vector<std::uint64_t>;

Task<void> submit_all(Sleepable& ctx, Scene& s) {
  for (const auto& bio : s.bios) co_await s.device.submit(ctx, *bio);
}

}  // namespace

TEST_CASE("bios that find no tag wait in order and never exceed the queue's depth") {
  Scene s(1, 3);
  for (std::uint64_t i = 0; i < 12; ++i) s.bio(i);
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    co_await submit_all(ctx, scene);
    CHECK(scene.device.in_flight() == 3);
    CHECK(scene.device.waiting() == 9);
  });
  s.rig.run();
  const Sectors order = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  CHECK(s.disk.issued == order);
  CHECK(s.ends == order);
  CHECK(s.disk.in_flight_most == 3);
  CHECK(s.device.in_flight() == 0);
  CHECK(s.device.waiting() == 0);
  CHECK(s.rig.now() == 4us);  // four rounds of three
}

TEST_CASE("a bio that comes while a tag changes hands does not overtake those that wait") {
  Scene s(2, 1);
  s.disk.irq_cpu = 1;
  for (std::uint64_t i = 0; i < 5; ++i) s.bio(i).end_work = &s.end_work;
  // CPU 1 ends a request every 1300 ns and works for it 300 ns with the tag already free;
  // meanwhile CPU 0 submits.
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    for (const auto& bio : scene.bios) {
      co_await scene.device.submit(ctx, *bio);
      co_await ctx.spend(scene.pause);
    }
  });
  s.rig.run();
  CHECK(s.disk.issued == Sectors{0, 1, 2, 3, 4});
  CHECK(s.ends == Sectors{0, 1, 2, 3, 4});
}

TEST_CASE("a request that fails tells its bio and frees its tag") {
  Scene s(1, 1);
  for (std::uint64_t i = 0; i < 3; ++i) s.bio(i);
  s.disk.broken = {1};
  s.rig.thread(0, s, submit_all);
  s.rig.run();
  CHECK(s.bios[0]->status == Errno::ok);
  CHECK(s.bios[1]->status == Errno::eio);
  CHECK(s.bios[2]->status == Errno::ok);
  CHECK(s.ends == Sectors{0, 1, 2});
}

TEST_CASE("a driver that ends requests at once is no special case") {
  Scene s(1, 1);
  s.disk.at_once = true;
  for (std::uint64_t i = 0; i < 3; ++i) s.bio(i);
  s.rig.thread(0, s, submit_all);
  s.rig.run();
  CHECK(s.ends == Sectors{0, 1, 2});
}

TEST_CASE("a bio's time is the queue's until its request is at the device") {
  Scene s(1, 1);
  events::StageLedger ledgers[2];
  for (std::uint64_t i = 0; i < 2; ++i) {
    ledgers[i].open(SimTime{}, events::Stage::kernel);
    s.bio(i).ledger = &ledgers[i];
  }
  s.rig.thread(0, s, submit_all);
  s.rig.run();
  CHECK(stage(ledgers[0], events::Stage::device) == 1us);
  CHECK(stage(ledgers[1], events::Stage::queue) == 1us);
  ledgers[1].close(s.rig.timeline.now());
  CHECK(stage(ledgers[1], events::Stage::device) == 1us);
}
