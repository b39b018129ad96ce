// SPDX-License-Identifier: Apache-2.0
// What is one call, what becomes a thread's, and what either costs.
#include "tests/model/designs/played.h"

using namespace iodrome;
using namespace iodrome::tests;
using events::Stage;
using kernel::Sysno;

namespace {

const std::string kPage = "/page";
const std::string kOther = "/other";
constexpr std::uint64_t kBytes = 30'000;

Played played(const Script& script, Settings set = {}, const std::string& design = "syslets") {
  return played_by(design, script, std::move(set));
}

std::vector<chain::Step> get(const std::string& path) {
  return {open_step(path), stat_step(0), send_step(0, 0, kBytes), close_step(0)};
}

Script script_of(std::vector<std::vector<std::vector<chain::Step>>> clients) {
  Script script;
  script.files = {{kPage, kBytes}, {kOther, kBytes}};
  script.clients = std::move(clients);
  return script;
}

std::uint64_t switches(const Played& of) {
  return of.costs.at("context_switch").count;
}

Duration each(const Played& of, const char* cost) {
  const testbed::CostUse& use = of.costs.at(cost);
  return use.total / static_cast<std::int64_t>(use.count);
}

}  // namespace

TEST_CASE("what is in memory is one call, without a switch, a thread's start or a ring entry") {
  // The second get of the page finds everything.
  const Played once = played(script_of({{get(kPage)}}));
  const Played twice = played(script_of({{get(kPage), get(kPage)}}));
  CHECK(twice.calls.at(Sysno::async_exec) == once.calls.at(Sysno::async_exec) + 1);
  CHECK(twice.calls.size() == once.calls.size());
  CHECK(twice.counters.at("atoms") == once.counters.at("atoms") + 4);
  CHECK(twice.counters.at("misses") == once.counters.at("misses"));
  CHECK(twice.counters.at("threads") == once.counters.at("threads"));
  CHECK(switches(twice) == switches(once));
  CHECK(twice.costs.at("syslets.ring_put").count == once.costs.at("syslets.ring_put").count);
  CHECK(twice.outcome.streams[0] == 2 * kBytes);
  const Ended& second = twice.outcome.ends[0][1][0];
  CHECK(second.results[1] == kBytes);
  CHECK(second.results[2] == kBytes);
  CHECK(second.latency < twice.outcome.ends[0][0][0].latency);
}

TEST_CASE("four cached calls as atoms cost three crossings less than made one by one") {
  const auto warm = [](const char* design) {
    return played(script_of({{get(kPage), get(kPage)}}), {}, design);
  };
  const Played atoms = warm("syslets");
  const Played calls = warm("sync");
  const Duration crossing = each(calls, "syscall_entry") + each(calls, "syscall_exit");
  const Duration own = 4 * (each(atoms, "syslets.atom_prepare") + each(atoms, "syslets.atom")) +
                       each(atoms, "syslets.exec");
  const auto latency = [](const Played& of) { return of.outcome.ends[0][1][0].latency; };
  CHECK(latency(calls) - latency(atoms) == 3 * crossing - own);
}

TEST_CASE("a chain that sleeps is finished by its thread while the caller goes on") {
  // Both files are cold; the second request's calls begin while the first one's thread sleeps.
  const Played both = played(script_of({{get(kPage)}, {get(kOther)}}));
  CHECK(both.counters.at("misses") == 2);
  CHECK(both.counters.at("no_spare") == 0);
  CHECK(both.counters.at("threads") == 3);  // each miss takes the only spare one
  CHECK(both.costs.at("syslets.move_context").count == 2);
  CHECK(both.costs.at("syslets.ring_put").count == 2);
  CHECK(both.costs.at("syslets.ring_take").count == 2);
  // It waits for new threads to start, and for nothing else.
  for (const auto& [cause, time] : both.outcome.record.submit.causes.by_cause())
    CHECK(cause == "cachemiss thread");
  const Duration one = played(script_of({{get(kPage)}})).outcome.ends[0][0][0].latency;
  CHECK(both.outcome.record.simulated < 2 * one);
  CHECK(both.outcome.streams == std::vector<std::uint64_t>{kBytes, kBytes});
  CHECK(both.outcome.open_after == both.outcome.open_before);
}

TEST_CASE("one read that sleeps takes longer than a pread by exactly what the detour costs") {
  Script script;
  script.files = {{kPage, 1 << 20}};
  script.opened = {kPage};
  script.direct = true;
  script.clients = {{{read_fd_step(0, 8'192, 4'096)}}};
  const Played detour = played(script, {{"syslets.threads", "1"}});
  const Played call = played(script, {}, "sync");
  CHECK(detour.counters.at("misses") == 1);
  // While the device works, the caller goes on: out of its call, and to sleep in the next one.
  const Duration meanwhile = each(detour, "context_switch") + each(detour, "try_to_wake_up") +
                             each(detour, "syslets.move_context") + each(detour, "syscall_exit") +
                             each(detour, "syscall_entry") + each(detour, "syslets.wait");
  CHECK(latency_of(detour) - latency_of(call) == costs_of(detour) - costs_of(call) - meanwhile);
}

TEST_CASE("without a spare thread the caller sleeps itself") {
  const Played none = played(script_of({{get(kPage)}, {get(kOther)}}), {{"syslets.threads", "0"}});
  CHECK(none.counters.at("no_spare") == 2);
  CHECK(none.counters.at("misses") == 0);
  CHECK(none.counters.at("threads") == 0);
  CHECK(none.outcome.record.submit.blocked_total > 100us);
  const Played one = played(script_of({{get(kPage)}, {get(kOther)}}), {{"syslets.threads", "1"}});
  CHECK(one.counters.at("no_spare") == 1);
  CHECK(one.counters.at("misses") == 1);
  CHECK(one.counters.at("threads") == 1);
  for (const Played* const each : {&none, &one})
    CHECK(each->outcome.streams == std::vector<std::uint64_t>{kBytes, kBytes});
}

TEST_CASE("a maker has its spare thread, however long the interrupt takes that wakes it") {
  const Played slow =
      played(script_of({{get(kPage)}}),
             {{"cpu.count", "2"}, {"costs.ipi_send", "50 us"}, {"costs.try_to_wake_up", "50 us"}});
  CHECK(slow.counters.at("no_spare") == 0);
  CHECK(slow.counters.at("misses") >= 1);
}

TEST_CASE("a failing atom ends its chain, and the application hears which") {
  const std::string missing = "/missing";
  const Played failed = played(script_of({{{open_step(missing), stat_step(0), close_step(0)}}}));
  const auto cancelled = -static_cast<std::int64_t>(Errno::ecanceled);
  CHECK(failed.outcome.ends[0][0][0].results ==
        std::vector<std::int64_t>{-static_cast<std::int64_t>(Errno::enoent), cancelled, cancelled});
  CHECK(failed.counters.at("atoms") == 1);
}

TEST_CASE("what one condition cannot say is handed in as several chains of atoms") {
  std::vector<chain::Step> steps = get(kPage);
  CHECK(played(script_of({{steps}})).counters.at("execs") == 1);
  steps[1] = carry_on(steps[1]);
  CHECK(played(script_of({{steps}})).counters.at("execs") == 2);
  steps[2].on_short = chain::OnShort::resume;
  CHECK(played(script_of({{steps}})).counters.at("execs") == 3);
  // The read has no file, which the application knows; it hands in what is behind.
  const std::string missing = "/missing";
  steps = {open_step(kPage),
           carry_on(open_step(missing)),
           stat_step(0),
           carry_on(read_step(1, 0, 512)),
           send_step(0, 0, kBytes),
           close_step(0)};
  const Played without = played(script_of({{steps}}));
  CHECK(without.counters.at("execs") == 3);
  CHECK(without.counters.at("atoms") == 5);
  CHECK(without.outcome.ends[0][0][0].results[3] == -static_cast<std::int64_t>(Errno::ebadf));
  CHECK(without.outcome.ends[0][0][0].results[4] == kBytes);
  // A read of as much as the stat says is behind what told it.
  steps = {open_step(kPage), stat_step(0), read_step(0, 0, 0), close_step(0)};
  CHECK(played(script_of({{steps}})).counters.at("execs") == 1);
  steps[2].bytes_from.step = 1;
  const Played sized = played(script_of({{steps}}));
  CHECK(sized.counters.at("execs") == 2);
  CHECK(sized.outcome.ends[0][0][0].results[2] == kBytes);
}

TEST_CASE("a ring of one entry bounds what is under way and loses nothing") {
  const Played tight = played(script_of({{get(kPage)}, {get(kOther)}, {get(kPage), get(kOther)}}),
                              {{"syslets.ring_entries", "1"}});
  CHECK(tight.outcome.streams == std::vector<std::uint64_t>{kBytes, kBytes, 2 * kBytes});
  CHECK(tight.outcome.record.requests.error_count() == 0);
  CHECK(tight.counters.at("threads") <= 2);
}
