// SPDX-License-Identifier: Apache-2.0
// The application's side: which calls it makes, and what they cost it.
#include <map>

#include "model/events/syscall.h"
#include "model/kernel/syscall.h"
#include "tests/model/testbed/scripted.h"

using namespace iodrome;
using namespace iodrome::tests;
using kernel::Sysno;

namespace {

const std::string kPage = "/page";
const std::string kMissing = "/missing";
constexpr std::uint64_t kBytes = 700'000;

// How often each system call was made.
struct Calls final : events::Observer {
  void on(const events::EventInfo& info, SimTime, std::uint32_t,
          std::span<const std::uint64_t> words) override {
    if (info.kind == events::SysEnter::info.kind) ++made[static_cast<Sysno>(words[1])];
  }
  std::map<Sysno, int> made;
};

struct Played {
  Outcome outcome;
  std::map<Sysno, int> calls;
};

Played played(std::vector<chain::Step> steps, const Settings& set = {}, std::size_t clients = 1,
              std::size_t repeat = 1) {
  Script script;
  script.files = {{kPage, kBytes}};
  script.clients.assign(clients, std::vector<std::vector<chain::Step>>(repeat, steps));
  Calls calls;
  testbed::RunOptions options;
  options.observe = [&](events::Probe& probe) {
    static constexpr events::Subsystem kSyscalls[] = {events::Subsystem::syscall};
    probe.attach(calls, kSyscalls);
  };
  Outcome outcome = play(script, "kevent", set, options);
  return {std::move(outcome), calls.made};
}

}  // namespace

TEST_CASE("an open with its send behind it is one call, with a stat between they are three") {
  Played together = played({open_step(kPage), send_step(0, 0, kBytes), close_step(0)});
  CHECK(together.calls[Sysno::aio_sendfile_path] == 1);
  CHECK(together.calls[Sysno::openat] == 0);
  CHECK(together.calls[Sysno::aio_sendfile] == 0);
  CHECK(together.outcome.streams[0] == kBytes);
  Played apart = played({open_step(kPage), stat_step(0), send_step(0, 0, kBytes), close_step(0)});
  CHECK(apart.calls[Sysno::aio_sendfile_path] == 0);
  CHECK(apart.calls[Sysno::openat] == 1);
  CHECK(apart.calls[Sysno::fstat] == 1);
  CHECK(apart.calls[Sysno::aio_sendfile] == 1);
  CHECK(apart.outcome.streams[0] == kBytes);
}

TEST_CASE("of a file that is not there the combined call tells, of a bad socket single ones do") {
  Played missing = played({open_step(kMissing), send_step(0, 0, 512), close_step(0)});
  CHECK(missing.outcome.ends[0][0][0].first_error == Errno::enoent);
  CHECK(missing.calls[Sysno::openat] == 0);
  std::vector<chain::Step> nowhere = {open_step(kPage), send_step(0, 0, 512), close_step(0)};
  nowhere[1].to_fd = 12'345;
  Played refused = played(nowhere);
  CHECK(refused.outcome.ends[0][0][0].first_error == Errno::ebadf);
  CHECK(refused.calls[Sysno::aio_sendfile_path] == 1);
  CHECK(refused.calls[Sysno::openat] == 1);
  CHECK(refused.calls[Sysno::aio_sendfile] == 1);
  CHECK(refused.outcome.open_after == refused.outcome.open_before);
}

TEST_CASE("many events come by one wait and go by one commit, whatever the ring's size") {
  for (const char* entries : {"2", "3", "8", "256"}) {
    CAPTURE(entries);
    Played many = played({open_step(kPage), stat_step(0), send_step(0, 0, 4'096), close_step(0)},
                         {{"kevent.ring_entries", entries}, {"cpu.count", "1"}}, 20, 10);
    CHECK(many.outcome.record.requests.error_count() == 0);
    CHECK(many.outcome.streams == std::vector<std::uint64_t>(20, 10 * 4'096));
    CHECK(many.calls[Sysno::kevent_commit] <= many.calls[Sysno::kevent_wait]);
    // Each wait shows an event, an arrival or nothing new since the turn before.
    CHECK(many.calls[Sysno::kevent_wait] <= 3 * 200 + 20);
    if (std::string(entries) == "256") CHECK(many.calls[Sysno::kevent_wait] < 200);
  }
}

TEST_CASE("the call that opens sleeps for a cold inode, and its time is told by cause") {
  for (const bool stat : {false, true}) {
    std::vector<chain::Step> steps = {open_step(kPage), send_step(0, 0, kBytes), close_step(0)};
    if (stat) steps.insert(steps.begin() + 1, stat_step(0));
    const designs::SubmitTimes submit = played(steps).outcome.record.submit;
    CHECK(submit.blocked_total > Duration{0});
    REQUIRE(submit.causes.by_cause().size() == 1);
    CHECK(submit.causes.by_cause()[0].first == "inode");
    CHECK(submit.causes.by_cause()[0].second == submit.blocked_total);
  }
}

TEST_CASE("slow clients stop the pool when they are as many as its threads, and not before") {
  const auto ends = [](const char* threads) {
    Script script;
    script.files = {{kPage, kBytes}};
    script.clients.assign(4, {{open_step(kPage), send_step(0, 0, kBytes), close_step(0)}});
    script.clients.push_back({{open_step(kPage), send_step(0, 0, 4'096), close_step(0)}});
    const Settings slow = {{"clients.drain_rate", "20 MB/s"},
                           {"socket.send_buffer", "64 KiB"},
                           {"cpu.count", "1"},
                           {"kevent.threads", threads}};
    return play(script, "kevent", slow).ends[4][0][0].latency;
  };
  CHECK(ends("4") > 5 * ends("8"));
}
