// SPDX-License-Identifier: Apache-2.0
#include "model/drivers/nvme/nvme_driver.h"

#include "tests/model/drivers/nvme/rig.h"

namespace iodrome::drivers {
namespace {

using namespace kernel;

// Boot's admin commands end with a message each, whether or not anybody listens.
std::uint64_t interrupts(const NvmeRig& s) {
  return s.device.counters().interrupts - s.device.counters().admin_commands;
}

}  // namespace

TEST_CASE("a read that an interrupt ends takes what the drive takes, message and all") {
  NvmeRig s;
  s.bio(800);
  s.on(1, [&](Sleepable& ctx) { return s.block.submit(ctx, *s.bios[0]); });
  s.rig.run();
  CHECK(s.bios[0]->ended == kDeviceTime + kMessageTime);
  CHECK(s.holds(*s.bios[0]));
  CHECK(interrupts(s) == 1);
}

TEST_CASE("command identifiers repeat between queues, and every end finds its own bio") {
  NvmeRig s(4, {4, 0});  // three tags of each of four queues
  for (std::uint64_t i = 0; i < 40; ++i) s.bio(i * 8);
  for (std::uint32_t cpu = 0; cpu < 4; ++cpu)
    s.on(cpu, [&s, cpu](Sleepable& ctx) -> Task<void> {
      for (std::size_t i = cpu; i < 40; i += 4) co_await s.block.submit(ctx, *s.bios[i]);
    });
  s.rig.at(s.ready + 1ns, [&s] {
    CHECK(s.block.in_flight() == 12);
    CHECK(s.block.waiting() == 28);
  });
  s.rig.run();
  CHECK(s.order.size() == 40);
  for (const auto& bio : s.bios) {
    CHECK(bio->ends == 1);
    CHECK(bio->status == Errno::ok);
    CHECK(s.holds(*bio));
  }
  CHECK(s.block.in_flight() == 0);
  CHECK(s.device.counters().errors == 0);
}

TEST_CASE("commands with lists of pages have lists of their own in every queue") {
  NvmeRig s(2, {4, 0});
  for (std::uint64_t i = 0; i < 4; ++i) s.bio(i * 4096, BlockOp::read, 4);
  for (std::uint32_t cpu = 0; cpu < 2; ++cpu)
    s.on(cpu, [&s, cpu](Sleepable& ctx) -> Task<void> {
      for (std::size_t i = cpu; i < 4; i += 2) co_await s.block.submit(ctx, *s.bios[i]);
    });
  s.rig.run();
  CHECK(s.order.size() == 4);
  for (const auto& bio : s.bios) CHECK(s.holds(*bio));
}

TEST_CASE("of a polled read no interrupt tells: its end comes with the first look behind it") {
  NvmeRig s(2, {16, 1});
  Cost& look = s.rig.system.costs.block_poll;
  look.each = 100ns;
  s.rig.system.costs.bio_complete.each = 30ns;
  s.bio(800);
  int fruitless = 0;
  s.on(1, [&](Sleepable& ctx) -> Task<void> {
    PollQueue place;
    s.block.make_polled(ctx, *s.bios[0], place);
    co_await s.block.submit(ctx, *s.bios[0]);
    for (;;) {
      const std::uint32_t found = co_await s.block.poll(ctx, place);
      if (found == 1) break;
      ++fruitless;
    }
  });
  s.rig.run();
  // 7.7 us are 77 looks, the last of which sees it.
  CHECK(fruitless == 76);
  CHECK(look.count == 77);
  CHECK(s.bios[0]->ended == kDeviceTime + 30ns);
  CHECK(s.holds(*s.bios[0]));
  CHECK(interrupts(s) == 0);
  CHECK(s.rig.spent(1, events::CpuClass::hardirq) == Duration{0});
  CHECK(s.rig.spent(1, events::CpuClass::idle) == s.ready);
}

TEST_CASE("bios that find no tag of a polled queue are brought on by who polls") {
  NvmeRig s(1, {3, 1});  // two tags
  s.rig.system.costs.block_poll.each = 100ns;
  for (std::uint64_t i = 0; i < 5; ++i) s.bio(i * 8);
  s.on(0, [&](Sleepable& ctx) -> Task<void> {
    PollQueue place;
    for (const auto& bio : s.bios) {
      s.block.make_polled(ctx, *bio, place);
      co_await s.block.submit(ctx, *bio);
    }
    CHECK(s.block.in_flight() == 2);
    CHECK(s.block.waiting() == 3);
    while (s.order.size() < 5) co_await s.block.poll(ctx, place);
  });
  s.rig.run();
  for (const auto& bio : s.bios) CHECK(s.holds(*bio));
  CHECK(s.block.in_flight() == 0);
  CHECK(interrupts(s) == 0);
}

}  // namespace iodrome::drivers
