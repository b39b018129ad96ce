// SPDX-License-Identifier: Apache-2.0
// The application's side of linux_aio when its context is small.
#include "tests/model/kernel/fail_allocation.h"
#include "tests/model/testbed/scripted.h"

using namespace iodrome;
using namespace iodrome::tests;

namespace {

const std::string kLong = "/long";
constexpr std::uint64_t kLongBytes = 700'000;

Script long_sends(std::size_t clients) {
  Script script;
  script.files = {{kLong, kLongBytes}};
  script.clients.assign(clients,
                        {{open_step(kLong), send_step(0, 0, kLongBytes), close_step(0)},
                         {open_step(kLong), send_step(0, 512, kLongBytes), close_step(0)}});
  return script;
}

}  // namespace

TEST_CASE("the next piece of a send waits for room and never fails its request") {
  for (const char* events : {"1", "2", "5"})
    for (const std::int64_t batch : {1, 4}) {
      CAPTURE(events, batch);
      testbed::RunOptions options;
      options.submit_batch = batch;
      const Outcome outcome = play(
          long_sends(12), "linux_aio",
          {{"linux_aio.events", events}, {"linux_aio.read_bytes", "64 KiB"}, {"cpu.count", "1"}},
          options);
      CHECK(outcome.record.requests.errors.empty());
      CHECK(outcome.streams == std::vector<std::uint64_t>(12, 2 * kLongBytes - 512));
      CHECK(outcome.open_after == outcome.open_before);
    }
}

TEST_CASE("an iocb without memory is submitted again while others are in flight, else it fails") {
  const auto errors_of = [](std::size_t clients, std::uint64_t number) {
    FailAllocation oracle(number, "kiocb");
    testbed::RunOptions options;
    options.oracle = &oracle;
    const Outcome outcome = play(long_sends(clients), "linux_aio", {{"cpu.count", "1"}}, options);
    CHECK(oracle.failed());
    return outcome.record.requests.errors;
  };
  CHECK(errors_of(1, 1) == std::map<std::string, std::uint64_t>{{"EAGAIN", 1}});
  CHECK(errors_of(4, 4).empty());
}

TEST_CASE("the application pays for every iocb that it fills in") {
  const testbed::RunRecord record = play(long_sends(3), "linux_aio").record;
  std::map<std::string, testbed::CostUse> costs;
  for (const testbed::CostUse& use : record.costs) costs[use.name] = use;
  const testbed::CostUse& filled = costs["linux_aio.iocb_prepare"];
  CHECK(filled.count > 0);
  CHECK(filled.total > Duration{0});
  CHECK(filled.count == costs["linux_aio.prepare"].count);
}
