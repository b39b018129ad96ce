// SPDX-License-Identifier: Apache-2.0
// Whole runs with every policy of the full ring and every wake-up: what the chains come to is
// always the same, but for the completions that `drop` loses, and the run tells of those.
#include <map>

#include "tests/model/testbed/scripted.h"

namespace iodrome::designs::task_chain {
namespace {

using namespace tests;

const std::string kSmall = "/small";
const std::string kLarge = "/large";
const std::string kMissing = "/missing";

Script script() {
  Script script;
  script.files = {{kSmall, 5'000}, {kLarge, 300'001}};
  for (int client = 0; client < 12; ++client) {
    const std::string& path = client % 5 == 4 ? kMissing : client % 2 == 0 ? kSmall : kLarge;
    script.clients.push_back(std::vector<std::vector<chain::Step>>(
        3, {open_step(path), stat_step(0), read_step(0, 0, 4096), send_step(0, 1024, 200'000),
            close_step(0)}));
  }
  return script;
}

Settings settings(const std::string& full, const std::string& wake) {
  return {{"task_chain.ring_full", full},
          {"task_chain.wake_by", wake},
          {"cpu.count", "2"},
          {"task_chain.ring_entries", full == "reserve" ? "64" : "2"}};
}

std::uint64_t counter(const Outcome& outcome, const std::string& name) {
  for (const auto& [each, count] : outcome.record.design_counters)
    if (each == name) return count;
  FAIL("no counter " << name);
  return 0;
}

// How many chains were lost; all others must be as in the reference.
std::uint64_t compare(const Outcome& outcome, const Outcome& reference) {
  std::uint64_t lost = 0;
  REQUIRE(outcome.ends.size() == reference.ends.size());
  for (std::size_t client = 0; client < outcome.ends.size(); ++client)
    for (std::size_t i = 0; i < outcome.ends[client].size(); ++i) {
      const auto& ends = outcome.ends[client][i];
      REQUIRE(ends.size() == 1);
      if (ends[0].first_error == Errno::ebadr)
        ++lost;
      else
        CHECK(ends == reference.ends[client][i]);
    }
  CHECK(outcome.streams == reference.streams);  // the lost ones have run as well
  CHECK(outcome.open_after == reference.open_after);
  return lost;
}

}  // namespace

TEST_CASE("policies and wake-ups change times, never results or bytes, and repeat exactly") {
  const Script all = script();
  const Outcome reference = play(all, "task_chain");
  for (const char* full : {"reserve", "hold", "spill", "drop"})
    for (const char* wake : {"syscall", "eventfd", "futex", "busy_poll"}) {
      CAPTURE(full, wake);
      const Outcome outcome = play(all, "task_chain", settings(full, wake));
      const std::uint64_t lost = compare(outcome, reference);
      CHECK(lost == counter(outcome, "dropped"));
      const bool drops = std::string(full) == "drop";
      CHECK((lost > 0) == drops);
      CHECK((counter(outcome, "held") == 36) == (std::string(full) == "hold"));
      CHECK((counter(outcome, "spilled") > 0) == (std::string(full) == "spill"));
      CHECK((counter(outcome, "ring_high_water") <= 2) == (std::string(full) != "reserve"));
      const Outcome again = play(all, "task_chain", settings(full, wake));
      CHECK(again.record.fingerprint == outcome.record.fingerprint);
    }
}

TEST_CASE("chains that go on in their submitters come to the same with every policy and wake-up") {
  const Script all = script();
  const Outcome reference = play(all, "task_chain");
  for (const char* full : {"reserve", "hold", "spill", "drop"})
    for (const char* wake : {"syscall", "eventfd", "futex", "signal", "busy_poll"}) {
      CAPTURE(full, wake);
      Settings set = settings(full, wake);
      set.emplace_back("task_chain.continue_in", "submitter");
      const Outcome outcome = play(all, "task_chain", set);
      CHECK(compare(outcome, reference) == counter(outcome, "dropped"));
      CHECK(outcome.record.submit.blocked_total == Duration{0});
      const Outcome again = play(all, "task_chain", set);
      CHECK(again.record.fingerprint == outcome.record.fingerprint);
    }
}

TEST_CASE("batches change times, never results or bytes, with every policy and wake-up") {
  const Script all = script();
  const Outcome reference = play(all, "task_chain");
  for (const char* full : {"reserve", "hold", "spill"})
    for (const char* wake : {"syscall", "eventfd", "futex", "busy_poll"}) {
      CAPTURE(full, wake);
      Settings set = settings(full, wake);
      set.emplace_back("task_chain.batch_count", "2");
      set.emplace_back("task_chain.batch_ns", "50000");
      const Outcome outcome = play(all, "task_chain", set);
      CHECK(compare(outcome, reference) == 0);
      const Outcome again = play(all, "task_chain", set);
      CHECK(again.record.fingerprint == outcome.record.fingerprint);
    }
}

TEST_CASE("fewer wake-ups come of batches, and none of polling") {
  Script all;
  all.files = {{kLarge, 1 << 20}};
  all.direct = true;
  for (std::uint64_t client = 0; client < 16; ++client) {
    all.clients.emplace_back();
    for (std::uint64_t i = 0; i < 8; ++i)
      all.clients.back().push_back(
          {open_step(kLarge), read_step(0, (client * 8 + i) * 4096, 4096), close_step(0)});
  }
  const auto wakeups = [&all](Settings set) {
    set.emplace_back("task_chain.ring_entries", "64");
    return play(all, "task_chain", set).record.counters.wakeups;
  };
  const std::uint64_t alone = wakeups({});
  const std::uint64_t batched =
      wakeups({{"task_chain.batch_count", "8"}, {"task_chain.batch_ns", "200000"}});
  const std::uint64_t polled = wakeups({{"task_chain.wake_by", "busy_poll"}});
  CHECK(batched < alone);
  CHECK(polled < alone);
}

}  // namespace iodrome::designs::task_chain
