// SPDX-License-Identifier: Apache-2.0
#include "tests/model/kernel/process/scene.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

Task<std::int32_t> waits(Sleepable& ctx, Process&) {
  for (;;) co_await pause(ctx);
}

}  // namespace

TEST_CASE("each signal does by default what signal(7) says of it") {
  // T ends; C ends with a core; I ignored; S stops; by number from 1 on.
  const std::string table = "TTCCCCCCTTCTTTTTIISSSSICCTTITTC" + std::string(33, 'T');
  REQUIRE(table.size() == 64);
  for (std::int32_t number = 1; number <= kSigMax; ++number) {
    // SIGSTKFLT 16, SIGVTALRM 26, SIGPROF 27, SIGIO 29 and SIGPWR 30 end the process.
    CAPTURE(number);
    ProcessScene s;
    s.play([&](Sleepable& ctx, Process&) -> Task<std::int32_t> {
      const Value child = co_await sys_fork(ctx, waits);
      const Pid pid = static_cast<Pid>(*child);
      co_await sys_nanosleep(ctx, 1us);
      co_await sys_kill_pid(ctx, pid, number);
      co_await sys_nanosleep(ctx, 1us);
      const auto [told, status] = co_await wait_any(ctx, kWNohang | kWStopped);
      const char kind = table[static_cast<std::size_t>(number - 1)];
      CHECK(told == (kind == 'I' ? 0 : *child));
      if (kind == 'T') CHECK(status == killed_by(number));
      if (kind == 'C') CHECK(status == dumped_by(number));
      if (kind == 'S') CHECK(status == stopped_by(number));
      if (kind == 'I' || kind == 'S') {
        co_await sys_kill_pid(ctx, pid, kSigKill);
        const auto [last, killed] = co_await wait_any(ctx);
        CHECK(last == *child);
        CHECK(killed == killed_by(kSigKill));
      }
      co_return 0;
    });
  }
}

TEST_CASE("SIGKILL and SIGSTOP are neither caught nor ignored nor blocked and others are") {
  ProcessScene s;
  s.play([&s](Sleepable& ctx, Process&) -> Task<std::int32_t> {
    const Value child =
        co_await sys_fork(ctx, [&s](Sleepable& mine, Process&) -> Task<std::int32_t> {
          for (const std::int32_t number : {kSigKill, kSigStop}) {
            const Value refused = co_await sys_rt_sigaction(mine, number, caught());
            CHECK(refused == error(Errno::einval));
          }
          co_await sys_rt_sigaction(mine, kSigInt, caught());
          co_await sys_rt_sigaction(mine, kSigTerm, {.ignored = true});
          co_await sys_rt_sigprocmask(mine, SigHow::set, ~SigSet::of(kSigInt));
          for (;;) {
            const Value woken = co_await pause(mine);
            s.note(name_of(woken.error()));
          }
        });
    const Pid pid = static_cast<Pid>(*child);
    co_await sys_nanosleep(ctx, 1us);
    for (const std::int32_t number : {kSigInt, kSigTerm, kSigQuit}) {
      co_await sys_kill_pid(ctx, pid, number);
      co_await sys_nanosleep(ctx, 1us);
      const auto [none, unset] = co_await wait_any(ctx, kWNohang | kWStopped);
      CHECK(none == 0);
    }
    co_await sys_kill_pid(ctx, pid, kSigStop);
    const auto [stopped, how] = co_await wait_any(ctx, kWStopped);
    CHECK(stopped == *child);
    CHECK(how == stopped_by(kSigStop));
    co_await sys_kill_pid(ctx, pid, kSigKill);
    const auto [killed, status] = co_await wait_any(ctx);
    CHECK(status == killed_by(kSigKill));
    co_return 0;
  });
  CHECK(s.log == "EINTR");  // SIGINT's handler; who is killed while it is stopped runs no more
}

TEST_CASE("a signal that ends a process ends its threads at once whichever of them it was for") {
  ProcessScene s(4);
  SigInfo told;
  s.play([&](Sleepable& ctx, Process&) -> Task<std::int32_t> {
    const Value child =
        co_await sys_fork(ctx, [&s](Sleepable& mine, Process& me) -> Task<std::int32_t> {
          for (int i = 0; i < 2; ++i) co_await sys_clone_thread(mine, waits);
          co_await sys_nanosleep(mine, 2us);
          co_await sys_tgkill(mine, me.signals(), *me.signals().threads()[2], kSigTerm);
          s.note("went on");
          co_return 0;
        });
    co_await sys_waitid(ctx, static_cast<Pid>(*child), &told, kWExited);
    CHECK(ctx.now() == SimTime{} + 2us);
    co_return 0;
  });
  CHECK(told.code == kCldKilled);
  CHECK(told.status == kSigTerm);
  CHECK(s.log.empty());
}

TEST_CASE("a blocked signal ends the process when it is unblocked") {
  ProcessScene s;
  const std::int32_t status = s.play([&s](Sleepable& ctx, Process& self) -> Task<std::int32_t> {
    co_await sys_rt_sigprocmask(ctx, SigHow::block, SigSet::of(kSigTerm));
    co_await sys_kill_pid(ctx, self.pid(), kSigTerm);
    s.note("lives");
    co_await sys_rt_sigprocmask(ctx, SigHow::unblock, SigSet::of(kSigTerm));
    s.note("still");
    co_return 0;
  });
  CHECK(status == killed_by(kSigTerm));
  CHECK(s.log == "lives");
}

TEST_CASE("the first cause of an end is its status") {
  ProcessScene s;
  const std::int32_t status = s.play([](Sleepable& ctx, Process& self) -> Task<std::int32_t> {
    co_await sys_rt_sigaction(ctx, kSigUsr1, {.handler = [&self](Sleepable& mine, const SigInfo&) {
                                return then_done(sys_kill_pid(mine, self.pid(), kSigQuit));
                              }});
    co_await sys_kill_pid(ctx, self.pid(), kSigUsr1);
    co_return 0;
  });
  CHECK(status == dumped_by(kSigQuit));
}
