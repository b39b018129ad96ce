// SPDX-License-Identifier: Apache-2.0
// A machine whose disk is a controller in plain SystemC, scenarios/foreign_block.
#include <fstream>
#include <sstream>

#include "model/testbed/race.h"
#include "scenarios/foreign_block/seat.h"
#include "tests/model/engine/hosted/sc_thread_tag.h"
#include "tests/model/testbed/races.h"

using namespace iodrome;
using namespace iodrome::tests;

namespace {

testbed::RunRecord run_on(const BlockControllerConfig& config, const std::string& design,
                          testbed::RunOptions options = {}, const char* text = kWritingFio) {
  const Input input{"job.fio", text};
  testbed::RaceRequest request = request_for(input);
  request.machine = "vm_2026";
  options.storage = block_controller(config);
  return run_one(request, design, options);
}

constexpr const char* kReads = "[j]\nrw=randread\ndirect=1\nbs=4k\nsize=1m\nnumber_ios=50\n";

Duration mean(const testbed::RunRecord& record) {
  return record.requests.latency.total() / static_cast<int>(record.requests.latency.count());
}

}  // namespace

TEST_CASE("every design reads and writes through a controller of plain SystemC, to the right bytes",
          IODROME_SC_THREAD) {
  for (const std::string& design : design_names()) {
    CAPTURE(design);
    const testbed::RunRecord record = run_on({}, design);
    CHECK(record.requests.errors.empty());
    CHECK(record.requests.latency.count() == 209 + 13 + 1 + 400 + 2 * (64 + 7) + 100);
    CHECK(record.requests.bytes == 209 * 5000 + 400 * 4096 + 128 * 16'384 + 100 * 8192);
    CHECK(record.counters.interrupts > 0);
  }
}

TEST_CASE("a race with a foreign controller gives the same every time", IODROME_SC_THREAD) {
  const testbed::RunRecord once = run_on({}, "io_uring");
  const testbed::RunRecord again = run_on({}, "io_uring");
  CHECK(once.fingerprint == again.fingerprint);
  CHECK(once.simulated == again.simulated);
}

TEST_CASE("the controller's own cycles are in every latency", IODROME_SC_THREAD) {
  BlockControllerConfig config;
  const Duration quick = mean(run_on(config, "sync", {}, kReads));
  // 8 us for the media, at 4 ns a cycle; and what 256 cycles of 16 B take, twice.
  CHECK(quick > 8us + 2us);
  config.media_cycles += 1'000;
  const Duration slow = mean(run_on(config, "sync", {}, kReads));
  CHECK(slow - quick >= 4us);
  CHECK(slow - quick < 4100ns);
}

TEST_CASE("the controller's signals are in the waves, by their names", IODROME_SC_THREAD) {
  const ScratchFolder folder;
  testbed::RunOptions options;
  options.waves = folder.path("waves.vcd");
  run_on({}, "sync", options, kReads);
  std::ifstream file(options.waves);
  std::stringstream text;
  text << file.rdbuf();
  const std::string all = text.str();
  const std::size_t begin = all.find("$scope module block_controller");
  REQUIRE(begin != std::string::npos);
  const std::string signals = all.substr(begin, all.find("$upscope", begin) - begin);
  for (const char* const name : {"clk", "busy", "interrupt", "doorbells", "in_flight", "sector"})
    CHECK(signals.find(std::string("  ") + name + " ") != std::string::npos);
  // "$var wire 1 CODE busy": from then on a line of 1 and the code is a rise.
  const std::size_t at = signals.find("  busy ");
  const std::size_t code = signals.rfind(' ', at - 1) + 1;
  const std::string rise = "\n1" + signals.substr(code, at - code) + "\n";
  int rises = 0;
  for (std::size_t next = all.find(rise); next != std::string::npos;
       next = all.find(rise, next + 1))
    ++rises;
  CHECK(rises >= 50);  // one by one, each read is a stretch of its own
}

TEST_CASE("a controller of SystemC needs SystemC") {
  const Input input{"job.fio", kReads};
  testbed::RaceRequest request = request_for(input);
  request.machine = "vm_2026";
  request.hosted = false;
  request.storage = block_controller();
  CHECK_THROWS_WITH(testbed::race(request, data_dir(), {}), Catch::Contains("needs the driver"));
}
