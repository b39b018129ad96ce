// SPDX-License-Identifier: Apache-2.0
// Chains that encipher, decipher and digest: the bytes, whoever makes them and whatever fails. What
// a step returns tells of bytes by their CRC-32C.
#include "model/explore/random_walk.h"
#include "tests/hw/scripted_oracle.h"
#include "tests/model/testbed/scripted.h"

using namespace iodrome;
using namespace iodrome::tests;
using chain::Op;

namespace {

const std::string kStore = "/store";
const std::string kFile = "/plain";
constexpr std::uint64_t kBytes = 2 * 4096 + 48;  // two sectors and a short one

// What other programs say of kBytes bytes of 0x5a: `openssl enc -aes-128-cbc -nopad`, a sector at a
// time with the vectors 0, 1 and 2; Python's hashlib; a CRC-32C of its own.
struct Known {
  std::uint8_t key;
  std::int64_t ciphertext;  // CRC-32C of it
  std::int64_t digest;      // CRC-32C of its SHA-256
};
constexpr Known kKnown[] = {{0, 0xb1687e60, 0x3d57d870}, {250, 0x8fa19a7f, 0x50238946}};
constexpr std::int64_t kPlain = 0x4034d507;

chain::Step on_memory(Op op, std::uint64_t from, std::uint64_t to, std::uint64_t bytes = kBytes) {
  return {.op = op, .offset = from, .bytes = bytes, .memory = to};
}
chain::Step sum_of(std::uint64_t at, std::uint64_t bytes = kBytes) {
  return {.op = Op::crc32c, .bytes = bytes, .memory = at};
}
chain::Step with_value(chain::Step step, std::uint8_t value) {
  step.value = value;
  return step;
}

// Fills, enciphers, digests, writes to a file, reads it back and deciphers.
std::vector<chain::Step> keep_and_fetch(std::uint8_t key) {
  chain::Step make = open_step(kStore);
  make.create = true;
  chain::Step put{.op = Op::write, .fd_from = 5, .bytes = kBytes, .memory = 16'384};
  chain::Step fetch = read_step(5, 0, kBytes);
  fetch.memory = 65'536;
  return {with_value({.op = Op::memset, .bytes = kBytes}, 0x5a),
          with_value(on_memory(Op::encrypt, 0, 16'384), key),
          sum_of(16'384),
          on_memory(Op::hash, 16'384, 32'768),
          sum_of(32'768, 32),
          make,
          put,
          fetch,
          with_value(on_memory(Op::decrypt, 65'536, 98'304), key),
          sum_of(98'304),
          close_step(5)};
}

// The answers of an engine whose operations fail from the `at`th on.
std::deque<std::uint32_t> failing(std::uint32_t at) {
  std::deque<std::uint32_t> answers(at, 0);
  answers.insert(answers.end(), 64, 1);
  return answers;
}

struct Engine {
  const char* machine;
  const char* site;  // where it fails
  const char* provider;
  std::uint64_t least;  // of the jobs below it gets so many
};
constexpr Engine kEngines[] = {{"server_2007", "crypto.request", "crypto", 32},
                               {"server_2007", "ioat.transfer", "ioat0", 4},
                               {"storage_2007", "adma.transfer", "iop-adma0", 8},
                               {"server_2026", "dsa.page", "idxd0", 4}};

// Every kind of step on memory, by four clients at once.
Script all_kinds() {
  const std::vector<chain::Step> one = {
      with_value({.op = Op::memset, .bytes = kBytes}, 0x5a),
      with_value(on_memory(Op::encrypt, 0, 16'384), 250),
      on_memory(Op::copy, 16'384, 32'768),
      {.op = Op::exclusive_or, .sources = 2, .offset = 16'384, .bytes = 16'384, .memory = 65'536},
      sum_of(65'536),  // of the same bytes twice: zero
      on_memory(Op::hash, 32'768, 98'304),
      sum_of(98'304, 32),
      with_value(on_memory(Op::decrypt, 32'768, 131'072), 250),
      sum_of(131'072)};
  Script script;
  script.clients.assign(4, {one, one});
  return script;
}

// Every decision at random, but that there is memory enough.
class Chance final : public ChoiceOracle {
 public:
  explicit Chance(std::uint64_t seed) : walk_(seed) {}
  std::uint32_t choose(Choice kind, std::uint32_t options, const char* site) override {
    const std::uint32_t chosen = walk_.choose(kind, options, site);
    return kind == Choice::allocation ? 0 : chosen;
  }

 private:
  explore::RandomWalk walk_;
};

const testbed::ProviderUse* use_of(const testbed::RunRecord& record, std::string_view name) {
  for (const testbed::ProviderUse& use : record.providers)
    if (use.name == name) return &use;
  return nullptr;
}

}  // namespace

TEST_CASE("what a chain enciphers, digests, writes, fetches and deciphers is right with all") {
  for (const char* who : {"engine", "cpu"})
    for (const Known& known : kKnown)
      for (const std::string& design : design_names()) {
        CAPTURE(design, who, known.key);
        Script script;
        script.clients.assign(1, {keep_and_fetch(known.key)});
        const Outcome outcome =
            play(script, design, {{"providers.cipher", who}, {"providers.hash", who}}, {},
                 "server_2007");
        REQUIRE(outcome.ends[0][0].size() == 1);
        std::vector<std::int64_t> results = outcome.ends[0][0][0].results;
        CHECK(results[5] >= 0);
        results[5] = 0;  // a descriptor
        constexpr auto kAll = static_cast<std::int64_t>(kBytes);
        CHECK(results == std::vector<std::int64_t>{kAll, kAll, known.ciphertext, kAll, known.digest,
                                                   0, kAll, kAll, kAll, kPlain, 0});
        const bool by_engine = design == "task_chain" && who == std::string("engine");
        const testbed::ProviderUse* const engine = use_of(outcome.record, "crypto");
        // Three sectors each way, a digest, and sums, of which task_chain has the engine make
        // three.
        const std::uint64_t sums = design == "task_chain" ? 3 : 0;
        CHECK((engine == nullptr ? 0 : engine->completed) == (by_engine ? 7 : 0) + sums);
      }
}

TEST_CASE("what was read, enciphered and kept is the file's content when it is deciphered again") {
  chain::Step make = open_step(kStore);
  make.create = true;
  chain::Step put{.op = Op::write, .fd_from = 4, .bytes = 65'536, .memory = 65'536};
  chain::Step fetch = read_step(4, 0, 65'536);
  constexpr std::uint64_t kAll = 65'536;
  const std::vector<chain::Step> steps = {open_step(kFile),
                                          read_step(0, 12'288, kAll),
                                          sum_of(0, kAll),
                                          with_value(on_memory(Op::encrypt, 0, kAll, kAll), 1),
                                          make,
                                          put,
                                          sum_of(kAll, kAll),
                                          {.op = Op::memset, .bytes = kAll},
                                          fetch,
                                          sum_of(0, kAll),
                                          with_value(on_memory(Op::decrypt, 0, 131'072, kAll), 1),
                                          sum_of(131'072, kAll),
                                          close_step(4),
                                          close_step(0)};
  for (const std::string& design : design_names()) {
    CAPTURE(design);
    Script script;
    script.files = {{kFile, 100'000}};
    script.clients.assign(1, {steps});
    const Outcome outcome = play(script, design, {}, {}, "server_2007");
    const std::vector<std::int64_t> results = outcome.ends[0][0][0].results;
    CHECK(outcome.ends[0][0][0].first_error == Errno::ok);
    CHECK(results[6] != results[2]);
    CHECK(results[9] == results[6]);   // the store holds the ciphertext
    CHECK(results[11] == results[2]);  // of just that content
  }
}

TEST_CASE("an engine that fails at any step of any chain costs time, and nobody a byte") {
  for (const Engine& engine : kEngines)
    for (const char* cpu_work : {"caller", "kthread"}) {
      const Settings set = {{"providers.cpu_work", cpu_work}};
      const Script script = all_kinds();
      const Outcome well = play(script, "task_chain", set, {}, engine.machine);
      CHECK(well.ends[3][1][0].results.back() == kPlain);
      const std::uint64_t all = use_of(well.record, engine.provider)->completed;
      CHECK(all >= engine.least);
      for (std::uint32_t step = 0; step < all; ++step) {
        CAPTURE(engine.machine, engine.site, cpu_work, step);
        hw::test::ScriptedOracle oracle;
        oracle.script[engine.site] = failing(step);
        testbed::RunOptions options;
        options.oracle = &oracle;
        const Outcome broken = play(script, "task_chain", set, options, engine.machine);
        CHECK(broken.ends == well.ends);  // one end each, and the same results
        const testbed::ProviderUse* const use = use_of(broken.record, engine.provider);
        REQUIRE(use != nullptr);
        CHECK(use->moved == use->failed);
        std::uint64_t failed = 0;
        for (const testbed::ProviderUse& each : broken.record.providers) failed += each.failed;
        CHECK(failed > 0);
        CHECK(broken.record.simulated != well.record.simulated);
      }
    }
}

TEST_CASE("whatever the order and the faults, chains on memory end once with the same results") {
  const Script script = all_kinds();
  for (const char* machine : {"server_2007", "storage_2007", "server_2026"}) {
    const Outcome well = play(script, "task_chain", {}, {}, machine);
    std::uint64_t failed = 0;
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
      CAPTURE(machine, seed);
      Chance oracle(seed);
      testbed::RunOptions options;
      options.oracle = &oracle;
      const Outcome walked = play(script, "task_chain", {}, options, machine);
      CHECK(walked.ends == well.ends);
      for (const testbed::ProviderUse& use : walked.record.providers) failed += use.failed;
    }
    CHECK(failed > 20);
  }
}
