// SPDX-License-Identifier: Apache-2.0
#include "model/drivers/dma/adma_driver.h"

#include "model/explore/random_walk.h"
#include "model/kernel/dmaengine/software_channel.h"
#include "tests/hw/round_engines.h"
#include "tests/hw/scripted_oracle.h"
#include "tests/model/kernel/patterned_pages.h"
#include "tests/model/kernel/rig.h"

namespace iodrome::drivers {
namespace {

using namespace kernel;

// A machine with an ADMA engine of two channels; 4096 B over its bus take 1 us.
struct AdmaRig : tests::PatternedPages {
  static constexpr std::uint32_t kPages = 48;

  explicit AdmaRig(std::int64_t descriptors = 8, ChoiceOracle* oracle = nullptr)
      : rig(2),
        software(rig.system, costs, {{1'000'000'000}, {2'000'000'000}}, 8),
        driver(rig.system, irqs, registers, {descriptors, 0us, 100us}, costs) {
    rig.system.scheduler.hz = 1000;
    rig.timeline.spawn(driver.attach(engine), "attach");
    rig.timeline.run();
    engine.add(software, true);
    rig.timeline.choices().ask(oracle);
    lay_out(rig.memory, kPages, 16);
  }
  ~AdmaRig() {
    rig.timeline.choices().ask(nullptr);
    rig.end();
  }

  std::size_t in_use() const {
    std::size_t sum = 0;
    for (const DmaChannel* channel : engine.hardware()) sum += channel->in_use();
    return sum + software.in_use();
  }
  DmaChannel& channel(std::size_t index = 0) { return *engine.hardware()[index]; }

  Rig rig;
  DmaCosts costs;
  IrqController irqs{rig.system};
  hw::DirectPort memory_port{rig.memory};
  hw::DirectPort interrupt_port{irqs};
  hw::Adma device{tests::round_adma(16), rig.timeline, memory_port, interrupt_port, true};
  hw::DirectPort registers{device};
  DmaEngine engine;
  SoftwareChannel software;
  AdmaDriver driver;

  std::string log;  // of callbacks
  Duration last_end{};
  int ended = 0;
  int failed = 0;
  int zero_sums = 0;
  int wrong = 0;  // checks that found something left
};

Task<void> note_end(Atomic& ctx, DmaDescriptor& self) {
  auto& rig = *static_cast<AdmaRig*>(self.argument);
  rig.log += self.error == Errno::ok ? "." : "x";
  ++rig.ended;
  rig.last_end = ctx.now().time_since_epoch();
  if (self.error != Errno::ok) ++rig.failed;
  if (self.sums_to_zero) ++rig.zero_sums;
  if (self.op == DmaOp::zero_sum && self.error == Errno::ok && !self.sums_to_zero) ++rig.wrong;
  return Task<void>::ready();
}

DmaDescriptor& noted(DmaDescriptor* descriptor, AdmaRig& rig) {
  REQUIRE(descriptor != nullptr);
  descriptor->callback = &note_end;
  descriptor->argument = &rig;
  return *descriptor;
}

// memset page 30; xor of pages 0 to 15 into 31; check of these and 31; copy of 0 to 32; a mere
// interrupt.
Task<void> one_of_each(Sleepable& ctx, AdmaRig& rig) {
  DmaChannel& channel = rig.channel();
  std::vector<hw::PhysAddr> sources;
  for (std::uint32_t page = 0; page < 16; ++page) sources.push_back(rig.at(page));
  DmaDescriptor* d = co_await channel.prep_memset(ctx, rig.at(30), 0xa5, AdmaRig::kBytes);
  channel.submit(noted(d, rig));
  d = co_await channel.prep_xor(ctx, rig.at(31), sources, AdmaRig::kBytes);
  channel.submit(noted(d, rig));
  sources[15] = rig.at(31);
  d = co_await channel.prep_zero_sum(ctx, sources, AdmaRig::kBytes);
  channel.submit(noted(d, rig));
  d = co_await channel.prep_memcpy(ctx, rig.at(32), rig.at(0), AdmaRig::kBytes);
  channel.submit(noted(d, rig));
  d = co_await channel.prep_interrupt(ctx);
  channel.submit(noted(d, rig));
  co_await channel.issue_pending(ctx);
}

// Xor of three pages, then the check that they and the result sum to zero, ten times, each issued
// alone.
Task<void> checked_sums(Sleepable& ctx, AdmaRig& rig) {
  for (std::uint32_t round = 0; round < 10; ++round) {
    DmaChannel& channel = rig.channel(round % 2);
    const hw::PhysAddr result = rig.at(20 + round);
    std::vector<hw::PhysAddr> sources{rig.at(round), rig.at(round + 1), rig.at(round + 2)};
    DmaDescriptor* const sum = co_await channel.prep_xor(ctx, result, sources, AdmaRig::kBytes);
    if (sum == nullptr) continue;
    noted(sum, rig).acked = false;
    channel.submit(*sum);
    co_await channel.issue_pending(ctx);
    sources.push_back(result);
    DmaDescriptor* const check = co_await channel.prep_zero_sum(ctx, sources, AdmaRig::kBytes);
    if (check == nullptr) {
      channel.acknowledge(*sum);
      continue;
    }
    DmaChannel::depends_on(noted(check, rig), *sum);
    channel.submit(*check);
    co_await channel.issue_pending(ctx);
    co_await channel.poll(ctx);
  }
}

Task<void> copy_three(Sleepable& ctx, AdmaRig& rig) {
  for (std::uint32_t page = 0; page < 3; ++page) {
    DmaDescriptor* const copy =
        co_await rig.channel().prep_memcpy(ctx, rig.at(36 + page), rig.at(page), AdmaRig::kBytes);
    if (copy != nullptr) rig.channel().submit(noted(copy, rig));
  }
  co_await rig.channel().issue_pending(ctx);
}

Task<void> copy_many(Sleepable& ctx, AdmaRig& rig) {
  for (std::uint32_t page = 0; page < 200; ++page) {
    DmaDescriptor* const copy = co_await rig.channel().prep_memcpy(
        ctx, rig.at(20 + page % 16), rig.at(page % 16), AdmaRig::kBytes);
    if (copy == nullptr) {
      rig.log += "-";
      co_await ctx.spend_for(ctx.costs().copy_call, 3us);
      continue;
    }
    rig.channel().submit(noted(copy, rig));
    co_await rig.channel().issue_pending(ctx);
    co_await ctx.spend_for(ctx.costs().copy_call, page * 130ns % 5us);
  }
}

}  // namespace

TEST_CASE("the engine does every operation, in order, with right bytes") {
  AdmaRig dma;
  dma.rig.thread(0, dma, one_of_each);
  dma.rig.run();
  CHECK(dma.log == ".....");
  for (const std::byte one : dma.bytes(30)) REQUIRE(one == std::byte{0xa5});
  for (std::uint32_t i = 0; i < AdmaRig::kBytes; ++i) {
    std::byte sum{0};
    for (std::uint32_t page = 0; page < 16; ++page) sum ^= AdmaRig::pattern(page, i);
    REQUIRE(dma.bytes(31)[i] == sum);
  }
  CHECK(dma.zero_sums == 0);  // page 15 was left out, so it is what remains
  CHECK(dma.is_pattern(32, 0));
  CHECK(dma.in_use() == 0);
  // One chain: 1 us of bus for memset, 17, 16, 2, and nothing.
  CHECK(dma.device.counters().bus_bytes == 36 * AdmaRig::kBytes);
  CHECK(dma.last_end >= 36us);
  CHECK(dma.last_end < 40us);
}

TEST_CASE("an exclusive or and its check, on the same engine channel, need no CPU in between") {
  AdmaRig dma;
  dma.rig.thread(0, dma, checked_sums);
  dma.rig.run();
  CHECK(dma.failed == 0);
  CHECK(dma.zero_sums * 2 == dma.ended);
  CHECK(dma.ended >= 12);
  CHECK(dma.in_use() == 0);
}

TEST_CASE("what is submitted and not issued is not seen by the channel, even while it runs") {
  AdmaRig dma;
  dma.rig.thread(
      0, dma, +[](Sleepable& ctx, AdmaRig& rig) -> Task<void> {
        co_await copy_three(ctx, rig);
        DmaDescriptor* const late =
            co_await rig.channel().prep_memcpy(ctx, rig.at(30), rig.at(9), AdmaRig::kBytes);
        rig.channel().submit(noted(late, rig));
      });
  dma.rig.run();
  CHECK(dma.log == "...");
  CHECK_FALSE(dma.is_pattern(30, 9));
  CHECK(dma.in_use() == 1);
  dma.rig.thread(
      0, dma, +[](Sleepable& ctx, AdmaRig& rig) -> Task<void> {
        co_await rig.channel().issue_pending(ctx);
      });
  dma.rig.run();
  CHECK(dma.is_pattern(30, 9));
  CHECK(dma.in_use() == 0);
}

TEST_CASE("the ring goes round many times, appended to at every moment of its chain") {
  AdmaRig dma;
  dma.rig.thread(0, dma, copy_many);
  dma.rig.run();
  CHECK(dma.ended + std::count(dma.log.begin(), dma.log.end(), '-') == 200);
  CHECK(dma.ended > 50);
  CHECK(dma.device.counters().resumed > 10);
  CHECK(dma.in_use() == 0);
}

TEST_CASE("an error of the bus fails its own descriptor, and the rest of the chain runs") {
  hw::test::ScriptedOracle oracle;
  oracle.script["adma.transfer"] = {0, 1, 0};
  AdmaRig dma(8, &oracle);
  dma.rig.thread(0, dma, copy_three);
  dma.rig.run();
  CHECK(dma.log == ".x.");
  CHECK(dma.is_pattern(36, 0));
  CHECK_FALSE(dma.is_pattern(37, 1));
  CHECK(dma.is_pattern(38, 2));
  CHECK(dma.channel().tx_status(2) == DmaStatus::error);
  CHECK(dma.in_use() == 0);
}

TEST_CASE("a lost message costs the timer's time, a doubled one nothing") {
  hw::test::ScriptedOracle oracle;
  oracle.script["adma.message"] = {1};
  AdmaRig dma(8, &oracle);
  dma.rig.thread(0, dma, copy_three);
  dma.rig.run();
  CHECK(dma.log == "...");
  // Armed for a jiffy, which the wheel makes two.
  CHECK(dma.last_end >= 2ms);
  CHECK(dma.last_end < 2ms + 1us);
  oracle.script["adma.message"] = {2};
  AdmaRig doubled(8, &oracle);
  doubled.rig.thread(0, doubled, copy_three);
  doubled.rig.run();
  CHECK(doubled.log == "...");
  CHECK(doubled.last_end < 20us);
}

TEST_CASE("the engine takes exclusive ors, which a copy engine leaves to a CPU") {
  AdmaRig dma;
  for (const DmaOp op : {DmaOp::memcpy, DmaOp::exclusive_or, DmaOp::zero_sum, DmaOp::memset})
    CHECK(dma.engine.find_channel(op, 1) == &dma.channel(1));
}

TEST_CASE("whatever the order and the faults, every sum ends once and is checked rightly") {
  int failures = 0;
  int sums = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    explore::RandomWalk oracle(seed);
    AdmaRig dma(4, &oracle);
    dma.rig.thread(0, dma, checked_sums);
    dma.rig.thread(1, dma, copy_three);
    CAPTURE(seed);
    dma.rig.run();
    failures += dma.failed;
    sums += dma.zero_sums;
    CHECK(dma.wrong == 0);
    CHECK(dma.in_use() == 0);
  }
  CHECK(failures > 100);
  CHECK(sums > 100);
}

}  // namespace iodrome::drivers
