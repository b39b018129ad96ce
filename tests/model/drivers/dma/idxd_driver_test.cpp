// SPDX-License-Identifier: Apache-2.0
#include "model/drivers/dma/idxd_driver.h"

#include "hw/dma/dsa.h"
#include "model/explore/random_walk.h"
#include "tests/hw/scripted_oracle.h"
#include "tests/model/kernel/patterned_pages.h"
#include "tests/model/kernel/rig.h"

namespace iodrome::drivers {
namespace {

using namespace kernel;
namespace dsa = hw::dsa;

// A machine with a DSA: 8 entries for the kernel, 2 shared queues of 4; 4096 B take 1 us.
struct DsaRig : tests::PatternedPages {
  static hw::DsaParams params() {
    hw::DsaParams p;
    p.work_queues = 4;
    p.engines = 2;
    p.entries = 16;
    p.engine_slots = 2;
    p.max_batch = 32;
    p.max_transfer = 1 << 21;
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

  explicit DsaRig(ChoiceOracle* oracle = nullptr, std::int64_t descriptors = 8)
      : rig(2),
        driver(rig.system, irqs, registers, {descriptors, 0us, 100us}, 2, costs, portal_costs) {
    portal_costs.movdir64b.each = 50ns;
    portal_costs.enqcmd.each = 600ns;
    rig.system.scheduler.hz = 1000;
    rig.timeline.spawn(driver.attach(engine), "attach");
    rig.timeline.run();
    rig.timeline.choices().ask(oracle);
    lay_out(rig.memory, 64, 32);
    records = rig.memory.allocate_contiguous(64 * sizeof(dsa::Record));
  }
  ~DsaRig() {
    rig.timeline.choices().ask(nullptr);
    rig.end();
  }
  bool copied(std::uint32_t page) { return is_pattern(32 + page, page); }
  DmaChannel& channel() { return *engine.hardware()[0]; }
  dsa::Record& record(std::uint32_t index) {
    return rig.memory.at<dsa::Record>(records + sizeof(dsa::Record) * index);
  }
  dsa::Descriptor user_copy(std::uint32_t page) const {
    dsa::Descriptor d;
    d.set(dsa::Opcode::memmove, dsa::kRecordValid | dsa::kRecordRequested);
    d.record = records + sizeof(dsa::Record) * page;
    d.source = at(page);
    d.destination = at(32 + page);
    d.size = kBytes;
    return d;
  }

  Rig rig;
  DmaCosts costs;
  PortalCosts portal_costs;
  IrqController irqs{rig.system};
  hw::DirectPort memory_port{rig.memory};
  hw::DirectPort interrupt_port{irqs};
  hw::Dsa device{params(), rig.timeline, memory_port, interrupt_port, true};
  hw::DirectPort registers{device};
  DmaEngine engine;
  IdxdDriver driver;
  hw::PhysAddr records = 0;

  Duration last_end{};
  int ended = 0;
  int failed = 0;
  int refused = 0;
  int retries = 0;
};

Task<void> note_end(Atomic& ctx, DmaDescriptor& self) {
  auto& rig = *static_cast<DsaRig*>(self.argument);
  ++rig.ended;
  rig.last_end = ctx.now().time_since_epoch();
  if (self.error != Errno::ok) ++rig.failed;
  return Task<void>::ready();
}

Task<void> copy_eight(Sleepable& ctx, DsaRig& rig) {
  for (std::uint32_t page = 0; page < 8; ++page) {
    DmaDescriptor* const copy =
        co_await rig.channel().prep_memcpy(ctx, rig.at(32 + page), rig.at(page), DsaRig::kBytes);
    if (copy == nullptr) {
      ++rig.refused;
      continue;
    }
    copy->callback = &note_end;
    copy->argument = &rig;
    rig.channel().submit(*copy);
  }
  co_await rig.channel().issue_pending(ctx);
}

// Twenty copies by a user: he tries again until the queue has room.
Task<void> user_copies(Sleepable& ctx, DsaRig& rig) {
  for (std::uint32_t page = 8; page < 28; ++page) {
    for (;;) {
      const bool taken = co_await rig.driver.enqcmd(ctx, 1 + page % 2, rig.user_copy(page));
      if (taken) break;
      ++rig.retries;
    }
  }
}

// Page 0 to 32, then that to 33 after it.
Task<void> copy_chained(Sleepable& ctx, DsaRig& rig) {
  DmaDescriptor* const first =
      co_await rig.channel().prep_memcpy(ctx, rig.at(32), rig.at(0), DsaRig::kBytes);
  DmaDescriptor* const second =
      co_await rig.channel().prep_memcpy(ctx, rig.at(33), rig.at(32), DsaRig::kBytes);
  REQUIRE(second != nullptr);
  for (DmaDescriptor* const each : {first, second}) {
    each->callback = &note_end;
    each->argument = &rig;
  }
  first->acked = false;
  DmaChannel::depends_on(*second, *first);
  rig.channel().submit(*first);
  CHECK(rig.channel().submit(*second) == kHeldCookie);
  co_await rig.channel().issue_pending(ctx);
}

}  // namespace

TEST_CASE("the kernel's queue is a channel that copies; its last end is told after the sum") {
  DsaRig dma;
  dma.rig.thread(0, dma, copy_eight);
  dma.rig.run();
  CHECK(dma.ended == 8);
  CHECK(dma.failed == 0);
  for (std::uint32_t page = 0; page < 8; ++page) CHECK(dma.copied(page));
  CHECK(dma.channel().in_use() == 0);
  CHECK(dma.channel().tx_status(8) == DmaStatus::complete);
  // One posted before the first leaves, then the bus for 8 us; record and message of the last one.
  CHECK(dma.last_end == 50ns + 100ns + 300ns + 8us + 200ns + 400ns);
}

TEST_CASE("the pool is the queue: nothing is ever dropped, and who finds no descriptor is told") {
  DsaRig dma(nullptr, 3);
  dma.rig.thread(0, dma, copy_eight);
  dma.rig.thread(1, dma, copy_eight);
  dma.rig.run();
  CHECK(dma.ended + dma.refused == 16);
  CHECK(dma.refused > 0);
  CHECK(dma.device.counters().dropped == 0);
}

TEST_CASE("an operation waits for the one it depends on, since the device keeps no order") {
  DsaRig dma;
  dma.rig.thread(0, dma, copy_chained);
  dma.rig.run();
  CHECK(dma.ended == 2);
  for (std::uint32_t i = 0; i < DsaRig::kBytes; ++i)
    REQUIRE(dma.bytes(33)[i] == DsaRig::pattern(0, i));
}

TEST_CASE("a user is told to try again while a shared queue is full, and pays for each try") {
  DsaRig dma;
  dma.portal_costs.enqcmd.each = 100ns;
  dma.rig.thread(0, dma, user_copies);
  dma.rig.run();
  CHECK(dma.retries > 5);
  CHECK(dma.device.counters().retries == static_cast<std::uint64_t>(dma.retries));
  CHECK(dma.portal_costs.enqcmd.count == 20u + static_cast<unsigned>(dma.retries));
  for (std::uint32_t page = 8; page < 28; ++page) {
    CHECK(dma.record(page).status == static_cast<std::uint8_t>(dsa::Status::success));
    CHECK(dma.copied(page));
  }
}

TEST_CASE("users and the kernel share the device, each with its own queue") {
  DsaRig dma;
  dma.rig.thread(0, dma, user_copies);
  dma.rig.thread(1, dma, copy_eight);
  dma.rig.run();
  CHECK(dma.ended == 8);
  for (std::uint32_t page = 0; page < 28; ++page) CHECK(dma.copied(page));
  CHECK(dma.device.counters().bytes == 28 * DsaRig::kBytes);
}

TEST_CASE("a page fault fails its own operation; a lost message costs the timer's time") {
  hw::test::ScriptedOracle oracle;
  oracle.script["dsa.page"] = {0, 1, 0};
  DsaRig dma(&oracle);
  dma.rig.thread(0, dma, copy_eight);
  dma.rig.run();
  CHECK(dma.ended == 8);
  CHECK(dma.failed == 1);
  CHECK(dma.channel().tx_status(2) == DmaStatus::error);
  CHECK(dma.channel().tx_status(8) == DmaStatus::complete);
  hw::test::ScriptedOracle losing;
  losing.script["dsa.message"] = {1, 1, 1, 1, 1, 1, 1, 1};
  DsaRig lost(&losing);
  lost.rig.thread(0, lost, copy_eight);
  lost.rig.run();
  CHECK(lost.ended == 8);
  // Armed for a jiffy, which the wheel makes two.
  CHECK(lost.last_end >= 2ms);
  CHECK(lost.last_end < 2ms + 1us);
}

TEST_CASE("whatever the order and the faults, every copy by a DSA ends once and rightly") {
  int failures = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    explore::RandomWalk oracle(seed);
    DsaRig dma(&oracle, 4);
    dma.rig.thread(0, dma, copy_eight);
    dma.rig.thread(1, dma, user_copies);
    CAPTURE(seed);
    dma.rig.run();
    CHECK(dma.ended + dma.refused == 8);
    failures += dma.failed;
    int moved = 0;
    for (std::uint32_t page = 0; page < 8; ++page) moved += dma.copied(page) ? 1 : 0;
    CHECK(moved == dma.ended - dma.failed);
    for (std::uint32_t page = 8; page < 28; ++page)
      CHECK(dma.copied(page) ==
            (dma.record(page).status == static_cast<std::uint8_t>(dsa::Status::success)));
    CHECK(dma.channel().in_use() == 0);
  }
  CHECK(failures > 100);
}

}  // namespace iodrome::drivers
