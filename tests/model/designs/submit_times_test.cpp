// SPDX-License-Identifier: Apache-2.0
// How long submitting holds the application, measured the same way for every design.
#include <map>

#include "model/events/syscall.h"
#include "model/kernel/syscall.h"
#include "tests/model/testbed/scripted.h"

using namespace iodrome;
using namespace iodrome::tests;
using kernel::Sysno;

namespace {

const std::string kFile = "/file";
const std::string kLong = "/long";

// Sums the time from entry to exit of the system calls that submit, io_uring_enter left out: it may
// submit, wait, or both.
struct Calls final : events::Observer {
  void on(const events::EventInfo& info, SimTime time, std::uint32_t,
          std::span<const std::uint64_t> words) override {
    const auto number = static_cast<Sysno>(words[1]);
    if (info.kind == events::SysEnter::info.kind) entered[words[0]] = time;
    if (info.kind != events::SysExit::info.kind) return;
    const Duration took = time - entered[words[0]];
    if (number == Sysno::io_uring_enter && words[2] != 0) {
      ++enters;
      enter_total += took;
    }
    const bool waits = number == Sysno::io_uring_enter || number == Sysno::io_getevents ||
                       number == Sysno::epoll_wait || number == Sysno::chain_wait ||
                       number == Sysno::kevent_wait || number == Sysno::kevent_commit ||
                       number == Sysno::async_wait || number == Sysno::recvfrom;
    if (!waits) total += took;
  }
  std::map<std::uint64_t, SimTime> entered;
  Duration total{};
  Duration enter_total{};
  std::int64_t enters = 0;
};

testbed::RunRecord record_of(const Script& script, const std::string& design, Calls& calls,
                             std::int64_t batch, const Settings& set = {}) {
  testbed::RunOptions options;
  options.submit_batch = batch;
  options.observe = [&](events::Probe& probe) {
    static constexpr events::Subsystem kSyscalls[] = {events::Subsystem::syscall};
    probe.attach(calls, kSyscalls);
  };
  return play(script, design, set, options).record;
}

Script direct_read() {
  Script script;
  script.files = {{kFile, 1 << 20}};
  script.opened = {kFile};
  script.direct = true;
  script.clients = {{{read_fd_step(0, 4096, 4096)}}};
  return script;
}

Script long_sends() {
  Script script;
  script.files = {{kFile, 5'000}, {kLong, 1'500'000}};
  for (int client = 0; client < 3; ++client)
    script.clients.push_back(
        {{open_step(kLong), send_step(0, 0, 1'500'000), close_step(0)},
         {open_step(kFile), stat_step(0), send_step(0, 0, 5'000), close_step(0)}});
  return script;
}

}  // namespace

TEST_CASE("a submission holds its caller as long by itself as at the head of a wait") {
  for (const std::string& design : design_names()) {
    CAPTURE(design);
    Calls alone;
    Calls combined;
    const testbed::RunRecord at_once = record_of(direct_read(), design, alone, 1);
    const testbed::RunRecord before_wait = record_of(direct_read(), design, combined, 2);
    CHECK(at_once.submit.held_total > Duration{0});
    CHECK(before_wait.submit.held_total == at_once.submit.held_total);
    CHECK(before_wait.submit.blocked_total == at_once.submit.blocked_total);
  }
}

TEST_CASE("held is the time from call to return of all calls that submit, crossings included") {
  for (const std::string& design : design_names()) {
    CAPTURE(design);
    Calls calls;
    const testbed::RunRecord record = record_of(long_sends(), design, calls, 1);
    if (design == "io_uring") continue;  // its calls wait as well: below
    // Their other threads make calls, and their loops hand over without any.
    if (design == "epoll_threads" || design == "posix_aio") continue;
    CHECK(record.submit.held_total == calls.total);
    CHECK(record.submit.held_max <= calls.total);
    CHECK(record.submit.held_max > Duration{0});
  }
}

TEST_CASE("what io_uring submits while it reaps is counted too") {
  for (const char* entries : {"2", "4", "256"}) {
    CAPTURE(entries);
    Calls calls;
    const testbed::RunRecord record =
        record_of(long_sends(), "io_uring", calls, 1, {{"io_uring.sq_entries", entries}});
    Duration least{0};
    for (const testbed::CostUse& use : record.costs)
      if (use.name == "syscall_entry" || use.name == "syscall_exit" || use.name == "io_uring.enter")
        least += use.total / static_cast<std::int64_t>(use.count) * calls.enters;
      else if (use.name == "io_uring.issue")
        least += use.total;
    CHECK(calls.enters > 0);
    CHECK(record.submit.held_total >= least);
    CHECK(record.submit.held_total <= calls.enter_total);
  }
}
