// SPDX-License-Identifier: Apache-2.0
// Races over a drive that loses commands, doorbells and interrupts.
#include "tests/hw/scripted_oracle.h"
#include "tests/model/testbed/races.h"

using namespace iodrome;
using namespace iodrome::tests;

namespace {

using Settings = std::vector<std::pair<std::string, std::string>>;

Input mixed() {
  return {"mixed.fio", "[job]\nrw=randrw\nbs=4k\nsize=1m\ndirect=1\niodepth=4\nnumber_ios=40\n"};
}

testbed::RunRecord run_with(const std::string& design, ChoiceOracle& oracle, Settings set = {}) {
  const Input input = mixed();
  testbed::RaceRequest request = request_for(input);
  request.set = std::move(set);
  testbed::RunOptions options;
  options.hosted = false;
  options.oracle = &oracle;
  return run_one(request, design, options);
}

}  // namespace

TEST_CASE("every design gets the right bytes from a drive that loses what can be lost") {
  for (const std::string& design : design_names()) {
    CAPTURE(design);
    hw::test::ScriptedOracle oracle;
    oracle.script["nvme.command"] = {0, 0, 3, 0, 2, 0, 0, 3, 3};
    oracle.script["nvme.interrupt"] = {0, 1, 0, 0, 0, 0, 1};
    oracle.script["nvme.doorbell"] = {0, 0, 0, 0, 0, 1};
    const testbed::RunRecord record = run_with(design, oracle);
    CHECK(record.requests.error_count() == 0);
    CHECK(record.simulated > 30s);
  }
}

TEST_CASE("a drive that is lost for good fails requests, and ends the run") {
  for (const char* design : {"sync", "io_uring"}) {
    CAPTURE(design);
    hw::test::ScriptedOracle oracle;
    // Whatever is rung for gets lost, until there is nothing left to try.
    oracle.script["nvme.doorbell"] = std::deque<std::uint32_t>(200, 1);
    oracle.script["nvme.reset"] = {1};
    const testbed::RunRecord record = run_with(design, oracle);
    CHECK(record.requests.error_count() == 40);
    CHECK(record.simulated > 60s);
  }
}

TEST_CASE("the time limit of a command is a parameter") {
  hw::test::ScriptedOracle oracle;
  oracle.script["nvme.interrupt"] = {1};
  const testbed::RunRecord record = run_with("sync", oracle, {{"storage.timeout", "5 s"}});
  CHECK(record.simulated > 5s);
  CHECK(record.simulated < 6s);
}
