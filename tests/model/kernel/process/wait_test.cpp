// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/process/process.h"

#include "tests/model/kernel/process/scene.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

UserCode sleeps(Duration time, std::int32_t status) {
  return [time, status](Sleepable& ctx, Process&) -> Task<std::int32_t> {
    if (time > Duration{0}) co_await sys_nanosleep(ctx, time);
    co_return status;
  };
}

}  // namespace

TEST_CASE("wait4 sleeps until a child has ended and tells its number and status once") {
  ProcessScene s;
  s.play([](Sleepable& ctx, Process& self) -> Task<std::int32_t> {
    const Value child = co_await sys_fork(ctx, sleeps(4us, 6));
    REQUIRE(child);
    const auto [none, untouched] = co_await wait_any(ctx, kWNohang);
    CHECK(none == 0);
    CHECK(untouched == -1);
    const auto [pid, status] = co_await wait_any(ctx);
    CHECK(pid == *child);
    CHECK(status == exited(6));
    CHECK(ctx.now() == SimTime{} + 4us);
    CHECK(self.table().find(static_cast<Pid>(*child)) == nullptr);
    const auto [no_child, unset] = co_await wait_any(ctx);
    CHECK(no_child == error(Errno::echild));
    CHECK(unset == -1);
    co_return 0;
  });
}

TEST_CASE("a child that has ended is a zombie that takes signals and counts until it is reaped") {
  ProcessScene s;
  s.play([](Sleepable& ctx, Process& self) -> Task<std::int32_t> {
    const Value child = co_await sys_fork(ctx, sleeps(0us, 1));
    co_await sys_nanosleep(ctx, 1us);
    Process* const zombie = self.table().find(static_cast<Pid>(*child));
    REQUIRE(zombie != nullptr);
    CHECK(zombie->state() == Process::State::zombie);
    CHECK(zombie->parent_pid() == self.pid());
    CHECK(self.table().threads() == 2);
    const Value sent = co_await sys_kill_pid(ctx, zombie->pid(), kSigKill);
    CHECK(sent == 0);
    SigInfo info;
    const Value looked = co_await sys_waitid(ctx, zombie->pid(), &info, kWExited | kWNowait);
    CHECK(looked == 0);
    CHECK(info.pid == *child);
    CHECK(info.code == kCldExited);
    CHECK(info.status == 1);
    const auto [pid, status] = co_await wait_any(ctx, kWNohang);
    CHECK(pid == *child);
    CHECK(status == exited(1));
    CHECK(self.table().threads() == 1);
    const Value gone = co_await sys_kill_pid(ctx, static_cast<Pid>(*child), 0);
    CHECK(gone == error(Errno::esrch));
    co_return 0;
  });
}

TEST_CASE("wait4 of one child leaves the others and of what is nobody's child is ECHILD") {
  ProcessScene s(4);
  s.play([](Sleepable& ctx, Process& self) -> Task<std::int32_t> {
    const Value first = co_await sys_fork(ctx, sleeps(1us, 1));
    const Value second = co_await sys_fork(ctx, sleeps(2us, 2));
    std::int32_t status = 0;
    const Value got = co_await sys_wait4(ctx, *second, &status, 0);
    CHECK(got == *second);
    CHECK(status == exited(2));
    const Value own = co_await sys_wait4(ctx, self.pid(), nullptr, 0);
    CHECK(own == error(Errno::echild));
    const Value group = co_await sys_wait4(ctx, 0, nullptr, 0);
    CHECK(group == error(Errno::einval));
    const Value unknown = co_await sys_wait4(ctx, -1, nullptr, 64);
    CHECK(unknown == error(Errno::einval));
    const Value nothing = co_await sys_waitid(ctx, 0, nullptr, kWNohang);
    CHECK(nothing == error(Errno::einval));
    const Value last = co_await sys_wait4(ctx, *first, nullptr, 0);
    CHECK(last == *first);
    co_return 0;
  });
}

TEST_CASE("SIGCHLD comes with who has ended and how and a handler's makes wait4 EINTR") {
  ProcessScene s;
  s.play([&s](Sleepable& ctx, Process&) -> Task<std::int32_t> {
    co_await sys_rt_sigprocmask(ctx, SigHow::block, SigSet::of(kSigChld));
    const Value child = co_await sys_fork(ctx, sleeps(1us, 3));
    SigInfo info;
    const Value number = co_await sys_rt_sigtimedwait(ctx, SigSet::of(kSigChld), &info, -1us);
    CHECK(number == kSigChld);
    CHECK(info.pid == *child);
    CHECK(info.code == kCldExited);
    CHECK(info.status == 3);
    co_await sys_fork(ctx, [](Sleepable& mine, Process& self) -> Task<std::int32_t> {
      co_await sys_kill_pid(mine, self.parent_pid(), kSigUsr1);
      co_await sys_nanosleep(mine, 5us);
      co_return 0;
    });
    co_await sys_rt_sigaction(ctx, kSigUsr1, caught());
    const Value zombie = co_await sys_wait4(ctx, *child, nullptr, 0);
    CHECK(zombie == *child);
    const auto [interrupted, unset] = co_await wait_any(ctx);
    CHECK(interrupted == error(Errno::eintr));
    CHECK(unset == -1);
    const auto [second, status] = co_await wait_any(ctx);
    CHECK(second);
    CHECK(status == 0);
    s.note("done");
    co_return 0;
  });
  CHECK(s.log == "done");
}

TEST_CASE("a handler of SIGCHLD does not hide the child whose end it tells of") {
  ProcessScene s;
  s.play([](Sleepable& ctx, Process&) -> Task<std::int32_t> {
    co_await sys_rt_sigaction(ctx, kSigChld, caught());
    const Value child = co_await sys_fork(ctx, sleeps(2us, 3));
    const auto [pid, status] = co_await wait_any(ctx);
    CHECK(pid == *child);
    CHECK(status == exited(3));
    co_return 0;
  });
}

TEST_CASE("who asks for stops alone does not wait for a child that has ended") {
  ProcessScene s;
  s.play([](Sleepable& ctx, Process&) -> Task<std::int32_t> {
    co_await sys_fork(ctx, sleeps(1us, 0));
    co_await sys_nanosleep(ctx, 2us);
    SigInfo info;
    CHECK(co_await sys_waitid(ctx, 0, &info, kWStopped) == error(Errno::echild));
    CHECK(co_await sys_wait4(ctx, (std::int64_t{1} << 32) + 2, nullptr, 0) == error(Errno::echild));
    co_await wait_any(ctx);
    co_return 0;
  });
}

TEST_CASE("children of who ignores SIGCHLD or wants no zombies leave none and wait4 is ECHILD") {
  for (const bool ignored : {false, true}) {
    ProcessScene s;
    s.play([&](Sleepable& ctx, Process& self) -> Task<std::int32_t> {
      SigAction action = ignored ? SigAction{.ignored = true} : caught();
      action.no_child_wait = true;
      co_await sys_rt_sigaction(ctx, kSigChld, action);
      co_await sys_fork(ctx, sleeps(2us, 0));
      const Value none = co_await sys_wait4(ctx, -1, nullptr, 0);
      CHECK(none == error(Errno::echild));
      CHECK(ctx.now() == SimTime{} + 2us);
      CHECK(self.table().size() == 1);
      co_return 0;
    });
  }
}

TEST_CASE("orphans are init's: those that live and those that nobody has waited for") {
  ProcessScene s(4);
  const std::int32_t status = s.play([](Sleepable& ctx, Process&) -> Task<std::int32_t> {
    co_await sys_fork(ctx, sleeps(0us, 11));
    co_await sys_fork(ctx, [](Sleepable& mine, Process& self) -> Task<std::int32_t> {
      co_await sys_nanosleep(mine, 5us);
      CHECK(self.parent_pid() == 1);
      co_return 12;
    });
    co_await sys_nanosleep(ctx, 1us);
    co_return 10;
  });
  CHECK(status == exited(10));
  CHECK(s.init_has ==
        std::map<Pid, std::int32_t>{{2, exited(10)}, {3, exited(11)}, {4, exited(12)}});
  CHECK(s.rig.now() == 5us);
}

TEST_CASE("two threads that wait for one child: one has it and the other ECHILD") {
  ProcessScene s(4);
  s.play([&s](Sleepable& ctx, Process&) -> Task<std::int32_t> {
    s.rig.system.costs.process_reap.each = 1us;
    co_await sys_clone_thread(ctx, [&s](Sleepable& mine, Process&) -> Task<std::int32_t> {
      co_await sys_nanosleep(mine, 1us);
      const auto [pid, status] = co_await wait_any(mine);
      s.note(pid ? "child" : name_of(pid.error()));
      co_return 0;
    });
    co_await sys_fork(ctx, sleeps(4us, 0));
    const auto [pid, status] = co_await wait_any(ctx);
    s.note(pid ? "child" : name_of(pid.error()));
    co_await sys_nanosleep(ctx, 3us);
    co_return 0;
  });
  CHECK((s.log == "child ECHILD" || s.log == "ECHILD child"));
}

TEST_CASE("waiting costs a look and for who has ended what frees the rest") {
  ProcessScene s;
  s.rig.system.costs.wait_call.each = 30ns;
  s.rig.system.costs.process_reap.each = 400ns;
  s.play([](Sleepable& ctx, Process&) -> Task<std::int32_t> {
    co_await sys_fork(ctx, sleeps(0us, 0));
    co_await sys_nanosleep(ctx, 1us);
    const SimTime before = ctx.now();
    const auto [pid, status] = co_await wait_any(ctx);
    CHECK(pid);
    CHECK(ctx.now() - before == 430ns);
    const auto [none, unset] = co_await wait_any(ctx);
    CHECK_FALSE(none);
    CHECK(ctx.now() - before == 460ns);
    co_return 0;
  });
}
