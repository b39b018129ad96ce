// SPDX-License-Identifier: Apache-2.0
// Providers and async_tx as shipped machines wire them.
#include "model/testbed/engines.h"

#include "model/engine/aes.h"
#include "model/engine/sha256.h"
#include "tests/model/testbed/engines_rig.h"

using namespace iodrome;
using namespace iodrome::tests;

namespace {

// The answers of an engine whose operations fail from the `at`th on.
std::deque<std::uint32_t> failing(std::uint32_t at) {
  std::deque<std::uint32_t> answers(at, 0);
  answers.insert(answers.end(), 64, 1);
  return answers;
}

struct Wiring {
  const char* machine;
  const char* site;      // where its engine fails
  const char* provider;  // whose jobs then move
};
constexpr Wiring kWirings[] = {{"server_2007", "ioat.transfer", "ioat0"},
                               {"server_2007", "crypto.request", "crypto"},
                               {"storage_2007", "adma.transfer", "iop-adma0"},
                               {"server_2026", "dsa.page", "idxd0"}};

}  // namespace

TEST_CASE(
    "whoever does a job, on whatever machine and by whatever policy, leaves the right bytes") {
  for (const std::string& machine : testbed::machine_names(data_dir()))
    for (const std::string_view policy : providers::policy_names())
      for (const char* cpu_work : {"caller", "kthread"}) {
        CAPTURE(machine, policy, cpu_work);
        EngineRig rig(
            machine, {{"providers.policy", std::string(policy)}, {"providers.cpu_work", cpu_work}});
        CHECK(std::ranges::all_of(rig.possible, [](bool one) { return one; }));
        rig.go();
        rig.check_all();
        std::uint64_t done = 0;
        for (const testbed::ProviderUse& use : rig.machine.engines().uses()) {
          done += use.completed;
          CHECK(use.bytes == use.completed * EngineRig::kBytes);
          CHECK(use.failed == 0);
          CHECK(use.busy > Duration{0});
        }
        CHECK(done == EngineRig::kJobs);
      }
}

TEST_CASE("an engine that halts at any step costs nobody an end or a byte") {
  for (const Wiring& wiring : kWirings)
    for (const char* cpu_work : {"caller", "kthread"}) {
      std::uint64_t done_before = 0;
      for (std::uint32_t step = 0; step <= 20; ++step) {
        CAPTURE(wiring.machine, wiring.site, cpu_work, step);
        hw::test::ScriptedOracle oracle;
        oracle.script[wiring.site] = failing(step);
        EngineRig rig(wiring.machine, {{"providers.cpu_work", cpu_work}}, &oracle);
        rig.go();
        rig.check_all();
        const testbed::ProviderUse* const use = rig.use_of(wiring.provider);
        REQUIRE(use != nullptr);
        CHECK(use->moved == use->failed);
        CHECK((step > 0 || use->failed > 0));
        CHECK((use->failed > 0 || step > 3));  // no engine gets fewer than four of the jobs
        CHECK(use->completed >= done_before);
        done_before = use->completed;
      }
      CHECK(done_before >= 4);
    }
}

TEST_CASE("an engine that missed a page gets the next job, and one that failed gets none") {
  for (const Wiring& wiring : kWirings) {
    CAPTURE(wiring.machine, wiring.site);
    EngineRig well(wiring.machine, {});
    well.go();
    hw::test::ScriptedOracle oracle;
    oracle.script[wiring.site] = {1};
    EngineRig rig(wiring.machine, {}, &oracle);
    rig.go();
    rig.check_all();
    const testbed::ProviderUse use = *rig.use_of(wiring.provider);
    const bool missed = wiring.site == std::string("dsa.page");
    CHECK(use.failed >= 1);
    CHECK(use.moved == use.failed);
    if (missed) CHECK(use.completed + 1 == well.completed(wiring.provider));
    if (!missed) CHECK(use.completed < well.completed(wiring.provider));
    for (const providers::Provider* one : rig.registry().providers())
      if (one->name() == wiring.provider)
        CHECK((one->health() == providers::Health::healthy) == missed);
  }
}

TEST_CASE("what is left to the CPU no engine does, and what is left to engines no CPU") {
  EngineRig cpu("storage_2007", {{"providers.copy", "cpu"}, {"providers.xor", "engine"}});
  cpu.go();
  cpu.check_all();
  for (std::uint32_t number = 0; number < EngineRig::kJobs; ++number) {
    CAPTURE(number);
    const providers::Operation operation = cpu.jobs[number].operation;
    const bool by_cpu =
        operation == providers::Operation::copy || operation == providers::Operation::crc32c;
    CHECK((cpu.jobs[number].provider->name() == "cpu") == by_cpu);
  }
  EngineRig engine("server_2007", {{"providers.crc32c", "engine"}, {"providers.copy", "engine"}});
  hw::test::ScriptedOracle broken;
  broken.script["crypto.request"] = failing(0);
  engine.timeline.choices().ask(&broken);
  engine.go();
  for (std::uint32_t number = 0; number < EngineRig::kJobs; ++number) {
    CAPTURE(number);
    const bool lost = engine.jobs[number].operation == providers::Operation::crc32c;
    const bool accepted = engine.refused[number] == Errno::ok;
    CHECK(engine.ends[number] == (accepted ? 1 : 0));
    const Errno status = accepted ? engine.jobs[number].status : engine.refused[number];
    CHECK(status == (lost ? Errno::enodev : Errno::ok));
  }
}

TEST_CASE("choosing a provider costs what the machine says, for each job") {
  const auto end_with = [](const char* choose) {
    EngineRig rig("vm_2026", {{"providers.choose", choose}, {"cpu.hz", "1"}});
    rig.go();
    rig.check_all();
    return rig.last_end;
  };
  CHECK(end_with("3 us") - end_with("1 us") == EngineRig::kJobs * 2us);
}

TEST_CASE("a CPU's jobs take its machine's rates") {
  const auto end_with = [](const char* key, const char* rate) {
    EngineRig rig("vm_2026", {{key, rate}, {"cpu.hz", "1"}});
    rig.go();
    return rig.last_end;
  };
  // Of twenty jobs four are of a kind: of three sources each, of two, of none, of one.
  const Duration page = Rate{100'000'000}.time_for(EngineRig::kBytes);
  CHECK(end_with("cpu.xor", "50 MB/s") - end_with("cpu.xor", "100 MB/s") == 4 * 5 * page);
  CHECK(end_with("cpu.memset", "50 MB/s") - end_with("cpu.memset", "100 MB/s") == 4 * page);
  CHECK(end_with("cpu.crc32c", "50 MB/s") - end_with("cpu.crc32c", "100 MB/s") == 4 * page);
  CHECK(end_with("cpu.copy_cold", "50 MB/s") - end_with("cpu.copy_cold", "100 MB/s") == 4 * page);
}

namespace {

// Fills a page by async_tx, in the machine's own wiring; who did it.
struct Fill final : kernel::ThreadBody {
  explicit Fill(EngineRig& on) : rig(on) {}
  Task<void> run(kernel::Sleepable& ctx) override {
    kernel::AsyncTx& tx = rig.machine.engines().async_tx();
    kernel::DmaDescriptor* const filled =
        co_await tx.memset(ctx, rig.at(40), 7, EngineRig::kBytes, {});
    engine = filled != nullptr;
    const std::array<hw::PhysAddr, 2> sources{rig.at(40), rig.at(1)};
    kernel::DmaDescriptor* const summed = co_await tx.exclusive_or(
        ctx, rig.at(41), sources, EngineRig::kBytes, {kernel::kXorZeroDst, filled});
    co_await tx.issue_pending_all(ctx);
    const Errno error = co_await tx.quiesce(ctx, summed);
    CHECK(error == Errno::ok);
  }
  EngineRig& rig;
  bool engine = false;
};

bool fills_by_engine(const char* machine, const Settings& set) {
  EngineRig rig(machine, set);
  Fill fill(rig);
  rig.thread.emplace(rig.machine.system(), "thread", events::CpuClass::user, 0, fill);
  rig.timeline.run();
  for (std::uint32_t i = 0; i < EngineRig::kBytes; ++i)
    REQUIRE(rig.bytes(41)[i] == (std::byte{7} ^ EngineRig::pattern(1, i)));
  return fill.engine;
}

}  // namespace

TEST_CASE("async_tx obeys the same keys, and a machine without an engine has it too") {
  CHECK(fills_by_engine("storage_2007", {}));
  CHECK(fills_by_engine("storage_2007", {{"providers.memset", "engine"}}));
  CHECK_FALSE(fills_by_engine("storage_2007", {{"providers.memset", "cpu"}}));
  CHECK(fills_by_engine("storage_2007", {{"providers.xor", "cpu"}}));
  CHECK_FALSE(fills_by_engine("vm_2026", {}));
  CHECK_FALSE(fills_by_engine("server_2026", {}));
}

namespace {

constexpr providers::Session kSealed{
    {1, 2, 3}, {providers::Operation::encrypt, providers::Operation::hash}, 2};

// A page enciphered, and what came out of that digested.
struct Seal final : kernel::ThreadBody {
  explicit Seal(EngineRig& on) : rig(on) {}
  Task<void> run(kernel::Sleepable& ctx) override {
    job.session = &kSealed;
    job.sources[0] = rig.at(0);
    job.destination = rig.at(40);
    job.bytes = EngineRig::kBytes;
    const Errno error = co_await rig.registry().submit(ctx, job);
    CHECK(error == Errno::ok);
  }
  EngineRig& rig;
  providers::Job job;
};

}  // namespace

TEST_CASE("a page is enciphered and digested by whom the machine's keys say") {
  for (const char* cipher : {"engine", "cpu"})
    for (const char* hash : {"any", "cpu"}) {
      CAPTURE(cipher, hash);
      EngineRig rig("server_2007", {{"providers.cipher", cipher}, {"providers.hash", hash}});
      Seal seal(rig);
      rig.thread.emplace(rig.machine.system(), "thread", events::CpuClass::user, 0, seal);
      rig.timeline.run();
      std::vector<std::byte> sealed(rig.bytes(0).begin(), rig.bytes(0).end());
      Aes128::Block iv{};
      cbc_encrypt(Aes128(kSealed.key), iv, sealed);
      CHECK(seal.job.status == Errno::ok);
      CHECK(std::ranges::equal(rig.bytes(40), sealed));
      CHECK(seal.job.digest == sha256(sealed));
      const bool cipher_by_cpu = cipher == std::string("cpu");
      const bool hash_by_cpu = hash == std::string("cpu");
      const int by_cpu = (cipher_by_cpu ? 1 : 0) + (hash_by_cpu ? 1 : 0);
      CHECK(rig.completed("cpu") == static_cast<std::uint64_t>(by_cpu));
      CHECK(rig.completed("crypto") == static_cast<std::uint64_t>(2 - by_cpu));
    }
}
