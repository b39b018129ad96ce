// SPDX-License-Identifier: Apache-2.0
#include "tests/model/testbed/scripted.h"

using namespace iodrome;
using namespace iodrome::tests;

namespace {

// One client, one chain of five calls on a cached, tiny file.
Script five_calls(const std::string& path) {
  Script script;
  script.files = {{path, 5'000}};
  script.clients = {{{open_step(path), stat_step(0), read_step(0, 0, 4096), send_step(0, 0, 5'000),
                      close_step(0)}}};
  return script;
}

}  // namespace

TEST_CASE("every step of a blocking chain is one system call") {
  const std::string path = "/f";
  const Outcome outcome = play(five_calls(path), "sync");
  CHECK(outcome.record.counters.syscalls == 5);
  CHECK(outcome.record.requests.latency.count() == 1);
}

TEST_CASE("blocking calls block: a cold read is time in which submission was not runnable") {
  const std::string path = "/f";
  const Outcome outcome = play(five_calls(path), "sync");
  // The inode and the pages come from the disk, one after the other.
  CHECK(outcome.record.submit.blocked_total > 2 * 30us);
  CHECK(outcome.record.submit.blocked_max <= outcome.record.submit.held_max);
  CHECK(outcome.record.submit.blocked_total <= outcome.record.submit.held_total);
  CHECK(outcome.record.submit.held_total <= outcome.ends[0][0][0].latency);
}
