// SPDX-License-Identifier: Apache-2.0
// RAID 5 over an ADMA engine: the same outcome as with the CPU, also where the engine halts.
#include "model/kernel/md/raid5.h"

#include "model/drivers/dma/adma_driver.h"
#include "model/explore/random_walk.h"
#include "tests/hw/round_engines.h"
#include "tests/hw/scripted_oracle.h"
#include "tests/model/kernel/md/random_load.h"

namespace iodrome::drivers {
namespace {

using namespace kernel;

struct EngineRig : ArrayRig {
  explicit EngineRig(const ArrayOptions& with, std::int64_t descriptors = 64,
                     ChoiceOracle* oracle = nullptr, std::int64_t max_sources = 16,
                     std::int64_t pending_level = 4)
      : ArrayRig(with),
        adma_device(tests::round_adma(max_sources), rig.timeline, memory_port, interrupt_port,
                    true),
        driver(rig.system, irqs, registers, {descriptors, 0us, 100us, pending_level}, dma_costs) {
    rig.system.costs.irq_entry.each = 500ns;
    dma_costs.poll.each = 50ns;
    rig.timeline.spawn(driver.attach(engine), "attach");
    rig.timeline.run();
    start();
    rig.timeline.choices().ask(oracle);
  }
  ~EngineRig() {
    rig.timeline.choices().ask(nullptr);
    rig.end();
  }

  IrqController irqs{rig.system};
  hw::DirectPort memory_port{rig.memory};
  hw::DirectPort interrupt_port{irqs};
  hw::Adma adma_device;
  hw::DirectPort registers{adma_device};
  DmaCosts dma_costs;
  AdmaDriver driver;
};

ArrayOptions random_data(std::uint32_t members) {
  ArrayOptions options;
  options.members = members;
  options.random_data = true;
  return options;
}

}  // namespace

TEST_CASE("RAID 5 over an engine leaves the members as over the CPU, whatever it has room for") {
  // Few descriptors send a part of the work to the CPU, few sources make a sum a chain.
  for (const std::int64_t descriptors : {2, 5, 1024}) {
    for (const std::int64_t sources : {2, 3, 16}) {
      EngineRig s(random_data(5), descriptors, nullptr, sources);
      RandomLoad load(s, static_cast<std::uint64_t>(descriptors * 100 + sources), 40);
      load.run();
      CAPTURE(descriptors, sources);
      CHECK(load.wrong_reads == 0);
      CHECK(load.errors == 0);
      CHECK((s.content() == load.expected));
      CHECK(s.wrong_stripes().empty());
      CHECK(s.tx.counters().offloaded > 100);
      CHECK((s.tx.counters().synchronous > 0) == (descriptors < 1024));
      CHECK(s.by_cpu.counters().synchronous == 0);
    }
  }
}

TEST_CASE("over an engine too a lost member is computed, and a spare gets what it had") {
  EngineRig s(random_data(4));
  const auto lost = s.media[1]->bytes;
  s.array->fail_member(1);
  RandomLoad load(s, 3, 20);
  load.run();
  CHECK(load.wrong_reads == 0);
  CHECK((s.content(1) == load.expected));
  s.array->add_spare(1);
  Resync resync(s.rig.system, *s.array, SyncAction::recover, {{1'024'000}, {204'800'000}});
  s.rig.run();
  CHECK(resync.completed());
  CHECK((s.content() == load.expected));
  CHECK(s.wrong_stripes().empty());
  CHECK(s.by_cpu.counters().synchronous == 0);
  CHECK(s.at_rest());
}

TEST_CASE("a resync of stripes that are all in memory has its last sums begun too") {
  // No number of sums is left over by chance: five of them make the driver issue by itself.
  ArrayOptions all_cached = random_data(5);
  all_cached.stripes = 128;
  EngineRig s(all_cached, 64, nullptr, 16, 5);
  for (int round = 0; round < 2; ++round) {
    Resync resync(s.rig.system, *s.array, SyncAction::check, {{1'024'000}, {204'800'000}});
    s.rig.run();
    CHECK(resync.completed());
    CHECK(s.at_rest());
  }
  CHECK(s.array->counters().checks == 2 * 64);
  CHECK(s.member_reads() == 6 * 64);  // a parity that was checked is read again, as in Linux
}

TEST_CASE("a resync by an engine finds what one by the CPU finds") {
  EngineRig s(random_data(5));
  for (const std::uint64_t stripe : {0u, 17u, 18u, 63u})
    s.media[stripe % 5]->bytes[stripe * kStripeBytes + 4095] ^= std::byte{0x80};
  Resync resync(s.rig.system, *s.array, SyncAction::resync, {{1'024'000}, {204'800'000}});
  s.rig.run();
  CHECK(resync.completed());
  CHECK(s.array->counters().mismatches == 4);
  CHECK(s.wrong_stripes().empty());
  CHECK(s.tx.counters().synchronous == 0);
  CHECK(s.at_rest());
}

// Each operation in turn: copies to who reads, old data out of a parity, new data into a page and
// into the parity, a computed block, a check.
TEST_CASE(
    "wherever an engine halts, its stripe is worked on again by the CPU and nothing is lost") {
  std::uint64_t failures = 0;
  for (const std::uint32_t at : {0u, 1u, 2u, 3u, 5u, 8u, 13u, 21u, 34u, 55u, 89u}) {
    for (const bool degraded : {false, true}) {
      hw::test::ScriptedOracle oracle;
      auto& answers = oracle.script["adma.transfer"];
      answers.assign(at, 0);
      answers.push_back(1);
      EngineRig s(random_data(5), 64, &oracle);
      if (degraded) s.array->fail_member(3);
      RandomLoad load(s, at + 1, 20);
      load.run();
      CAPTURE(at, degraded);
      CHECK(load.wrong_reads == 0);
      CHECK(load.errors == 0);
      CHECK((s.content(degraded ? 3 : -1) == load.expected));
      if (!degraded) CHECK(s.wrong_stripes().empty());
      CHECK(s.array->counters().operations_failed >= 1);
      failures += s.array->counters().operations_failed;
    }
  }
  CHECK(failures >= 22);
}

TEST_CASE("a check that an engine fails is made again, and finds what is there") {
  for (const std::uint32_t at : {0u, 1u, 40u}) {
    hw::test::ScriptedOracle oracle;
    oracle.script["adma.transfer"].assign(at, 0);
    oracle.script["adma.transfer"].push_back(1);
    EngineRig s(random_data(4), 64, &oracle);
    s.media[2]->bytes[at * kStripeBytes] ^= std::byte{1};
    Resync resync(s.rig.system, *s.array, SyncAction::resync, {{1'024'000}, {204'800'000}});
    s.rig.run();
    CHECK(resync.completed());
    CHECK(s.array->counters().operations_failed == 1);
    CHECK(s.array->counters().mismatches == 1);
    CHECK(s.wrong_stripes().empty());
  }
}

TEST_CASE("an engine that fails half of its work, and interrupts in any order, lose nothing") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    explore::RandomWalk oracle(seed);
    EngineRig s(random_data(4), seed % 2 == 0 ? 64 : 4, &oracle);
    RandomLoad load(s, seed, 20);
    Resync resync(s.rig.system, *s.array, SyncAction::resync, {{1'024'000}, {204'800'000}});
    load.run();
    CAPTURE(seed);
    CHECK(resync.completed());
    CHECK(load.wrong_reads == 0);
    CHECK(load.errors == 0);
    CHECK((s.content() == load.expected));
    CHECK(s.wrong_stripes().empty());
    CHECK(s.array->counters().operations_failed > 0);
    CHECK(s.at_rest());
  }
}

}  // namespace iodrome::drivers
