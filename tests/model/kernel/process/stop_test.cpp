// SPDX-License-Identifier: Apache-2.0
#include "tests/model/kernel/process/scene.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

/// A child that counts crossings: one each microsecond.
struct Clock {
  UserCode code() {
    return [this](Sleepable& ctx, Process&) -> Task<std::int32_t> {
      for (;;) {
        co_await sys_nanosleep(ctx, 1us);
        ++ticks;
      }
    };
  }
  int ticks = 0;
};

}  // namespace

TEST_CASE("a stopped process does nothing until SIGCONT and both are told to its parent") {
  ProcessScene s(2);
  Clock clock;
  s.play([&](Sleepable& ctx, Process&) -> Task<std::int32_t> {
    co_await sys_rt_sigprocmask(ctx, SigHow::block, SigSet::of(kSigChld));
    const Value child = co_await sys_fork(ctx, clock.code());
    const Pid pid = static_cast<Pid>(*child);
    co_await sys_nanosleep(ctx, 10us + 500ns);
    CHECK(clock.ticks == 10);
    co_await sys_kill_pid(ctx, pid, kSigTstp);
    const auto [stopped, how] = co_await wait_any(ctx, kWStopped);
    CHECK(how == stopped_by(kSigTstp));
    SigInfo info;
    co_await sys_rt_sigtimedwait(ctx, SigSet::of(kSigChld), &info, Duration{0});
    CHECK(info.code == kCldStopped);
    CHECK(info.status == kSigTstp);
    CHECK(info.pid == pid);
    const int before = clock.ticks;
    co_await sys_nanosleep(ctx, 10us);
    CHECK(clock.ticks == before);
    const auto [again, unset] = co_await wait_any(ctx, kWStopped | kWNohang);
    CHECK(again == 0);  // it is told once
    co_await sys_kill_pid(ctx, pid, kSigCont);
    const auto [goes, on] = co_await wait_any(ctx, kWContinued);
    CHECK(on == kContinued);
    co_await sys_rt_sigtimedwait(ctx, SigSet::of(kSigChld), &info, Duration{-1});
    CHECK(info.code == kCldContinued);
    co_await sys_nanosleep(ctx, 5us + 500ns);
    CHECK(clock.ticks == before + 6);  // the sleep that was cut short, and five more
    co_await sys_kill_pid(ctx, pid, kSigKill);
    co_await wait_any(ctx);
    co_return 0;
  });
}

TEST_CASE("a stop is complete when the last thread has come and ends killed nonetheless") {
  ProcessScene s(4);
  s.play([&s](Sleepable& ctx, Process&) -> Task<std::int32_t> {
    const Value child =
        co_await sys_fork(ctx, [&s](Sleepable& mine, Process&) -> Task<std::int32_t> {
          co_await sys_clone_thread(mine, [&s](Sleepable& other, Process&) -> Task<std::int32_t> {
            co_await other.spend(s.step, 80);  // in user mode until 8 us
            co_await sys_nanosleep(other, 1us);
            co_return 0;
          });
          co_await pause(mine);
          co_return 0;
        });
    co_await sys_nanosleep(ctx, 2us);
    co_await sys_kill_pid(ctx, static_cast<Pid>(*child), kSigStop);
    const auto [stopped, how] = co_await wait_any(ctx, kWStopped);
    CHECK(how == stopped_by(kSigStop));
    CHECK(ctx.now() == SimTime{} + 8us);
    co_await sys_kill_pid(ctx, static_cast<Pid>(*child), kSigTerm);
    // SIGKILL alone does not wait until it goes on.
    const auto [nobody, nothing] = co_await wait_any(ctx, kWNohang);
    CHECK(nobody == 0);
    co_await sys_kill_pid(ctx, static_cast<Pid>(*child), kSigKill);
    const auto [killed, status] = co_await wait_any(ctx, kWStopped);
    CHECK(status == killed_by(kSigKill));
    CHECK(ctx.now() == SimTime{} + 8us);
    co_return 0;
  });
}

TEST_CASE("SIGCONT and what stops take each other back also while they are blocked") {
  ProcessScene s(2);
  s.play([](Sleepable& ctx, Process& self) -> Task<std::int32_t> {
    co_await sys_rt_sigprocmask(ctx, SigHow::block, SigSet::of(kSigTstp, kSigTtin, kSigCont));
    co_await sys_rt_sigaction(ctx, kSigCont, caught());
    co_await sys_kill_pid(ctx, self.pid(), kSigTstp);
    co_await sys_kill_pid(ctx, self.pid(), kSigTtin);
    CHECK(ctx.thread().signals->waiting() == SigSet::of(kSigTstp, kSigTtin));
    co_await sys_kill_pid(ctx, self.pid(), kSigCont);
    CHECK(ctx.thread().signals->waiting() == SigSet::of(kSigCont));
    co_await sys_kill_pid(ctx, self.pid(), kSigTtin);
    CHECK(ctx.thread().signals->waiting() == SigSet::of(kSigTtin));
    CHECK(self.signals().queued() == 1);
    co_return 0;
  });
}

TEST_CASE("what ends a process and comes while it is stopped ends it when it goes on") {
  ProcessScene s(2);
  s.play([](Sleepable& ctx, Process&) -> Task<std::int32_t> {
    const Value child = co_await sys_fork(ctx, [](Sleepable& mine, Process&) -> Task<std::int32_t> {
      co_await pause(mine);
      co_return 0;
    });
    const Pid pid = static_cast<Pid>(*child);
    co_await sys_nanosleep(ctx, 1us);
    co_await sys_kill_pid(ctx, pid, kSigStop);
    co_await wait_any(ctx, kWStopped);
    co_await sys_kill_pid(ctx, pid, kSigTerm);
    co_await sys_nanosleep(ctx, 5us);
    const auto [nobody, nothing] = co_await wait_any(ctx, kWNohang);
    CHECK(nobody == 0);
    co_await sys_kill_pid(ctx, pid, kSigCont);
    const auto [ended, status] = co_await wait_any(ctx);
    CHECK(ended == pid);
    CHECK(status == killed_by(kSigTerm));
    co_return 0;
  });
}

TEST_CASE("a signal that comes while the process is stopped is handled after it goes on") {
  ProcessScene s(2);
  s.play([&s](Sleepable& ctx, Process&) -> Task<std::int32_t> {
    const Value child =
        co_await sys_fork(ctx, [&s](Sleepable& mine, Process&) -> Task<std::int32_t> {
          co_await sys_rt_sigaction(
              mine, kSigUsr1, {.handler = [&s](Sleepable& at, const SigInfo&) {
                s.note("handled at " + std::to_string(to_ps(at.now()) / 1000));
                return Task<void>::ready();
              }});
          const Value first = co_await pause(mine);
          CHECK(first == error(Errno::eintr));
          co_return 0;
        });
    const Pid pid = static_cast<Pid>(*child);
    co_await sys_nanosleep(ctx, 1us);
    co_await sys_kill_pid(ctx, pid, kSigStop);
    co_await sys_nanosleep(ctx, 1us);
    co_await sys_kill_pid(ctx, pid, kSigUsr1);
    co_await sys_nanosleep(ctx, 7us);
    co_await sys_kill_pid(ctx, pid, kSigCont);
    co_await wait_any(ctx);
    co_return 0;
  });
  CHECK(s.log == "handled at 9000");
}

TEST_CASE("with SA_NOCLDSTOP a stop is no SIGCHLD but can be waited for") {
  ProcessScene s(2);
  s.play([](Sleepable& ctx, Process&) -> Task<std::int32_t> {
    co_await sys_rt_sigaction(ctx, kSigChld, {.no_child_stop = true});
    co_await sys_rt_sigprocmask(ctx, SigHow::block, SigSet::of(kSigChld));
    const Value child = co_await sys_fork(ctx, [](Sleepable& mine, Process&) -> Task<std::int32_t> {
      for (;;) co_await pause(mine);
    });
    const Pid pid = static_cast<Pid>(*child);
    co_await sys_nanosleep(ctx, 1us);
    co_await sys_kill_pid(ctx, pid, kSigStop);
    const auto [stopped, how] = co_await wait_any(ctx, kWStopped);
    CHECK(stopped == *child);
    CHECK(ctx.thread().signals->waiting().empty());
    co_await sys_kill_pid(ctx, pid, kSigKill);
    co_await wait_any(ctx);
    CHECK(ctx.thread().signals->waiting() == SigSet::of(kSigChld));
    co_return 0;
  });
}
