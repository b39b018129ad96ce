// SPDX-License-Identifier: Apache-2.0
// Memory runs out once, at every place in turn: each request still ends once, with success or with
// the errno of that place, and everything taken comes back.
#include "tests/model/kernel/fail_allocation.h"
#include "tests/model/testbed/scripted.h"

using namespace iodrome;
using namespace iodrome::tests;

namespace {

const std::string kSmall = "/small";
const std::string kLarge = "/large";

// Every operation, cold and cached, by clients enough to share threads and queues.
Script mixed(bool direct) {
  Script script;
  script.files = {{kSmall, 5'000}, {kLarge, 200'000}};
  script.direct = direct;
  for (int client = 0; client < 3; ++client)
    script.clients.push_back(
        {{open_step(kSmall), stat_step(0), send_step(0, 0, 5'000), close_step(0)},
         {open_step(kLarge), read_step(0, 8192, 32'768), close_step(0)},
         {open_step(kLarge), send_step(0, 0, 200'000), close_step(0)}});
  return script;
}

Outcome play_failing(const Script& script, const std::string& design, FailAllocation& oracle,
                     std::int64_t batch) {
  testbed::RunOptions options;
  options.oracle = &oracle;
  options.submit_batch = batch;
  // Small bios need no list of their pages, which the driver would make and keep.
  const Settings small = {
      {"cpu.count", "2"}, {"socket.send_buffer", "64 KiB"}, {"page_cache.max_bio", "8192"}};
  return play(script, design, small, options);
}

bool legal(Errno error) {
  return error == Errno::ok || error == Errno::enomem || error == Errno::eagain ||
         error == Errno::enobufs;
}

}  // namespace

TEST_CASE(
    "whichever allocation fails, requests end once, with that errno or none, and none leaks") {
  for (const std::string& design : design_names())
    for (const bool direct : {false, true}) {
      const std::int64_t batch = direct ? 3 : 1;
      const Script script = mixed(direct);
      FailAllocation never(0);
      const Outcome healthy = play_failing(script, design, never, batch);
      CHECK(healthy.record.requests.error_count() == 0);
      REQUIRE(never.asked() > 20);
      std::uint64_t with_errors = 0;
      for (std::uint64_t number = 1; number <= never.asked(); ++number) {
        FailAllocation oracle(number);
        const Outcome outcome = play_failing(script, design, oracle, batch);
        CAPTURE(design, direct, number, oracle.site());
        CHECK(oracle.failed());
        for (const auto& chains : outcome.ends)
          for (const auto& ends : chains) {
            REQUIRE(ends.size() == 1);
            CHECK(legal(ends[0].first_error));
          }
        CHECK(outcome.record.requests.error_count() <= 1);
        with_errors += outcome.record.requests.error_count();
        CHECK(outcome.open_after == outcome.open_before);
        CHECK(outcome.pages_after <= healthy.pages_after);
        CHECK(outcome.page_holders_after == 0);
      }
      CHECK(with_errors > 0);
    }
}
