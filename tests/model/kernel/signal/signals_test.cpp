// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/signal/signals.h"

#include "model/kernel/calls/event_calls.h"
#include "tests/model/kernel/signal/scene.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

constexpr SigSet kAll = ~SigSet{};

Task<void> block(Sleepable& ctx, SigSet set) {
  co_await sys_rt_sigprocmask(ctx, SigHow::block, set);
}

Task<std::int64_t> taken(Sleepable& ctx, SigSet wanted) {
  const Value number = co_await sys_rt_sigtimedwait(ctx, wanted, nullptr, Duration{0});
  co_return number ? *number : -static_cast<std::int64_t>(number.error());
}

}  // namespace

TEST_CASE("a handler runs before the call that the signal came in returns and costs its frame") {
  SignalScene s;
  s.rig.system.costs.signal_deliver.each = 900ns;
  play(s, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    co_await sys_rt_sigaction(ctx, kSigUsr1, noting(scene));
    const SimTime before = ctx.now();
    const Value sent = co_await sys_kill(ctx, scene.process, kSigUsr1);
    CHECK(sent == 0);
    scene.note("back");
    CHECK(ctx.now() - before == 900ns);
  });
  CHECK(s.log == "h10 back");
}

TEST_CASE("a standard signal that waits is merged; real-time ones queue in the order sent") {
  SignalScene s;
  play(s, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    co_await block(ctx, kAll);
    for (int i = 0; i < 3; ++i) co_await sys_kill(ctx, scene.process, kSigUsr1);
    for (std::uint64_t value : {7, 8, 9})
      co_await sys_rt_sigqueueinfo(ctx, scene.process, 40, value);
    CHECK(scene.process.queued() == 4);
    const std::int64_t first = co_await taken(ctx, kAll);
    CHECK(first == kSigUsr1);
    for (std::uint64_t value : {7, 8, 9}) {
      SigInfo info;
      const Value number = co_await sys_rt_sigtimedwait(ctx, kAll, &info, Duration{0});
      CHECK(number == 40);
      CHECK(info.value == value);
      CHECK(info.code == kSiQueue);
    }
    const std::int64_t none = co_await taken(ctx, kAll);
    CHECK(none == -static_cast<std::int64_t>(Errno::eagain));
    CHECK(scene.process.queued() == 0);
  });
}

TEST_CASE("faults come first, then the lowest number, and a thread's own before its process's") {
  SignalScene s;
  play(s, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    co_await block(ctx, kAll);
    for (std::int32_t number : {50, 34, kSigUsr1, kSigSegv})
      co_await sys_kill(ctx, scene.process, number);
    co_await sys_tgkill(ctx, scene.process, *scene.first, 60);
    for (std::int64_t number : {60, kSigSegv, kSigUsr1, 34, 50}) {
      const std::int64_t got = co_await taken(ctx, kAll);
      CHECK(got == number);
    }
  });
}

TEST_CASE("of several signals that come in together the handler of the last starts first") {
  SignalScene s;
  play(s, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    for (std::int32_t number : {kSigUsr1, kSigUsr2})
      co_await sys_rt_sigaction(ctx, number, noting(scene));
    co_await block(ctx, kAll);
    for (std::int32_t number : {kSigUsr1, kSigUsr2}) co_await sys_kill(ctx, scene.process, number);
    scene.note("unblock");
    co_await sys_rt_sigprocmask(ctx, SigHow::set, {});
  });
  CHECK(s.log == "unblock h12 h10");
}

TEST_CASE("a handler keeps its own signal and those of its mask out until it returns") {
  SignalScene s;
  play(s, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    SigAction action;
    action.mask = SigSet::of(kSigUsr2);
    action.handler = [&scene](Sleepable& user, const SigInfo& info) -> Task<void> {
      scene.note("in", info.number);
      if (scene.log == "in10") {
        co_await sys_kill(user, scene.process, kSigUsr1);
        co_await sys_kill(user, scene.process, kSigUsr2);
        co_await sys_kill(user, scene.process, 40);
      }
      scene.note("out");
    };
    co_await sys_rt_sigaction(ctx, kSigUsr1, action);
    co_await sys_rt_sigaction(ctx, kSigUsr2, noting(scene));
    co_await sys_rt_sigaction(ctx, 40, noting(scene));
    co_await sys_kill(ctx, scene.process, kSigUsr1);
    CHECK(scene.first->blocked().empty());
  });
  CHECK(s.log == "in10 h40 out in10 out h12");
}

TEST_CASE("what is ignored is not sent, and what waits goes when it becomes ignored") {
  SignalScene s;
  play(s, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    co_await sys_kill(ctx, scene.process, kSigChld);  // by default
    CHECK(scene.first->waiting().empty());
    co_await block(ctx, kAll);
    co_await sys_kill(ctx, scene.process, kSigChld);  // blocked: the action may change
    co_await sys_tgkill(ctx, scene.process, *scene.first, 40);
    CHECK(scene.first->waiting() == SigSet::of(kSigChld, 40));
    co_await sys_rt_sigaction(ctx, 40, {.handler = {}, .ignored = true});
    CHECK(scene.first->waiting() == SigSet::of(kSigChld));
    co_await sys_rt_sigaction(ctx, kSigChld, {});
    CHECK(scene.first->waiting().empty());
    CHECK(scene.process.queued() == 0);
  });
}

TEST_CASE(
    "at RLIMIT_SIGPENDING sigqueue is EAGAIN, kill loses what it carries, standard ones go on") {
  SignalScene s(2);
  play(s, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    co_await block(ctx, kAll);
    for (std::uint64_t value : {1, 2}) co_await sys_rt_sigqueueinfo(ctx, scene.process, 40, value);
    const Value third = co_await sys_rt_sigqueueinfo(ctx, scene.process, 40, 3);
    CHECK(third.error() == Errno::eagain);
    const Value thread = co_await sys_tgkill(ctx, scene.process, *scene.first, 41);
    CHECK(thread.error() == Errno::eagain);
    const Value marked = co_await sys_kill(ctx, scene.process, 42);
    CHECK(marked == 0);
    CHECK(scene.process.queued() == 2);
    const Value standard = co_await sys_kill(ctx, scene.process, kSigUsr1);
    CHECK(standard == 0);
    CHECK(scene.process.queued() == 3);
    for (std::int64_t number : {10, 40, 40, 42}) {
      const std::int64_t got = co_await taken(ctx, kAll);
      CHECK(got == number);
    }
    CHECK(scene.process.queued() == 0);
  });
}

TEST_CASE("an interrupted read is EINTR, after its handler") {
  SignalScene s;
  send_at(s, 5us, kSigUsr1);
  play(s, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    co_await sys_rt_sigaction(ctx, kSigUsr1, noting(scene));
    const Value fd = co_await sys_eventfd2(ctx, scene.files, 0, 0);
    std::uint64_t value = 0;
    const Value read = co_await sys_read(ctx, scene.files, static_cast<int>(*fd),
                                         std::as_writable_bytes(std::span(&value, 1)));
    CHECK(read.error() == Errno::eintr);
    CHECK(scene.log == "h10");
    CHECK(ctx.now() == SimTime{} + 5us);
  });
}

TEST_CASE("a blocked signal ends no sleep") {
  SignalScene s;
  send_at(s, 5us, kSigUsr1);
  play(s, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    co_await block(ctx, SigSet::of(kSigUsr1));
    const Value fd = co_await sys_epoll_create1(ctx, scene.files, 0);
    const Value count =
        co_await sys_epoll_wait(ctx, scene.files, static_cast<int>(*fd), nullptr, 1, 20us);
    CHECK(count == 0);
    CHECK(ctx.now() >= SimTime{} + 20us);
    CHECK(scene.first->waiting() == SigSet::of(kSigUsr1));
  });
}

TEST_CASE("epoll_pwait lets a signal in, handles it, and has the old mask afterwards") {
  SignalScene s;
  send_at(s, 5us, kSigUsr1);
  send_at(s, 6us, kSigUsr2);
  play(s, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    for (std::int32_t number : {kSigUsr1, kSigUsr2})
      co_await sys_rt_sigaction(ctx, number, noting(scene));
    co_await block(ctx, SigSet::of(kSigUsr1, kSigUsr2));
    const Value fd = co_await sys_epoll_create1(ctx, scene.files, 0);
    const int epfd = static_cast<int>(*fd);
    EpollEvent event;
    const Value first =
        co_await sys_epoll_pwait(ctx, scene.files, epfd, &event, 1, 20us, SigSet::of(kSigUsr2));
    CHECK(first.error() == Errno::eintr);
    CHECK(scene.log == "h10");
    CHECK(scene.first->blocked() == SigSet::of(kSigUsr1, kSigUsr2));
    const Value timed =
        co_await sys_epoll_pwait(ctx, scene.files, epfd, &event, 1, 20us, SigSet::of(kSigUsr2));
    CHECK(timed == 0);
    CHECK(scene.first->blocked() == SigSet::of(kSigUsr1, kSigUsr2));
    CHECK(scene.log == "h10");
  });
}

TEST_CASE("a signal to the process goes to a thread that does not block it") {
  SignalScene s;
  second_at(s, 1us, [](Sleepable& ctx, SignalScene&) -> Task<void> {
    const Value slept = co_await sys_nanosleep(ctx, 100us);
    CHECK(slept.error() == Errno::eintr);
    CHECK(ctx.now() == SimTime{} + 5us);
  });
  send_at(s, 5us, kSigUsr1);
  play(s, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    co_await sys_rt_sigaction(ctx, kSigUsr1, noting(scene));
    co_await block(ctx, kAll);
    const Value slept = co_await sys_nanosleep(ctx, 50us);
    CHECK(slept == 0);
  });
  CHECK(s.log == "h10");
}

TEST_CASE("who blocks a signal that waits at the process leaves it to another thread") {
  SignalScene s;
  // The first is told of it while it is busy, and blocks it before it could handle it.
  s.rig.system.costs.signal_take.each = 10us;
  second_at(s, 1us, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    const Value slept = co_await sys_nanosleep(ctx, 100us);
    CHECK(slept.error() == Errno::eintr);
    scene.note("second");
  });
  send_at(s, 5us, kSigUsr1);
  play(s, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    co_await sys_rt_sigaction(ctx, kSigUsr1, noting(scene));
    co_await ctx.spend(ctx.costs().signal_take);
    CHECK(ctx.thread().signal_pending);
    scene.first->block(kAll);
    CHECK_FALSE(ctx.thread().signal_pending);
    co_await sys_nanosleep(ctx, 50us);
    scene.note("first");
  });
  CHECK(s.log == "h10 second first");
}

TEST_CASE("sigtimedwait gets a signal that would be ignored, and its mask is as before") {
  SignalScene s;
  send_at(s, 5us, kSigChld);
  play(s, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    co_await block(ctx, SigSet::of(kSigChld));
    const Value number =
        co_await sys_rt_sigtimedwait(ctx, SigSet::of(kSigChld), nullptr, Duration{-1});
    CHECK(number == kSigChld);
    CHECK(ctx.now() == SimTime{} + 5us);
    CHECK(scene.first->blocked() == SigSet::of(kSigChld));
  });
}

TEST_CASE("a thread that ends leaves what it was chosen for to another one") {
  SignalScene s;
  s.rig.system.costs.signal_take.each = 10us;
  second_at(s, 1us, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    const Value slept = co_await sys_nanosleep(ctx, 100us);
    CHECK(slept.error() == Errno::eintr);
    CHECK(ctx.now() == SimTime{} + 10us);
    scene.note("second");
  });
  send_at(s, 5us, kSigUsr1);
  play(s, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    co_await sys_rt_sigaction(ctx, kSigUsr1, noting(scene));
    co_await ctx.spend(ctx.costs().signal_take);
    CHECK(ctx.thread().signal_pending);
  });
  CHECK(s.log == "h10 second");
}

TEST_CASE("a handler that runs once is gone before it starts, and nothing that waits with it") {
  SignalScene s;
  play(s, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    SigAction once = noting(scene);
    once.reset_hand = true;
    co_await sys_rt_sigaction(ctx, kSigChld, once);
    co_await sys_kill(ctx, scene.process, kSigChld);
    CHECK(scene.log == "h17");
    CHECK_FALSE(scene.process.action(kSigChld).handler);
    co_await sys_kill(ctx, scene.process, kSigChld);  // by default nothing
    CHECK(scene.log == "h17");
  });
}

TEST_CASE("a handler with SA_NODEFER is interrupted by its own signal") {
  SignalScene s;
  play(s, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    SigAction action;
    action.no_defer = true;
    action.handler = [&scene](Sleepable& user, const SigInfo&) -> Task<void> {
      scene.note("in");
      if (scene.log == "in") co_await sys_kill(user, scene.process, kSigUsr1);
      scene.note("out");
    };
    co_await sys_rt_sigaction(ctx, kSigUsr1, action);
    co_await sys_kill(ctx, scene.process, kSigUsr1);
  });
  CHECK(s.log == "in in out out");
}

// The sender pays for the entry and the wake-up while the thread handles the signal by itself.
TEST_CASE("a signal that a thread has met by itself ends none of its later sleeps") {
  SignalScene s;
  s.rig.system.costs.signal_queue.each = 5us;
  s.rig.system.costs.try_to_wake_up.each = 1us;
  send_at(s, 5us, kSigUsr1);
  play(s, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    co_await sys_rt_sigaction(ctx, kSigUsr1, noting(scene));
    while (ctx.now() < SimTime{} + 6us) {
      co_await ctx.spend(scene.step);
      co_await sys_kill(ctx, scene.process, 0);
    }
    CHECK(scene.log == "h10");
    const Value slept = co_await sys_nanosleep(ctx, 100us);
    CHECK(slept == 0);
  });
}

TEST_CASE("the mask of a call comes back though the signal that ended it is gone by then") {
  SignalScene s;
  s.rig.system.costs.syscall_exit.each = 10us;
  second_at(s, 31us, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    co_await ctx.spend(scene.step, 60);
    SigAction ignore;
    ignore.ignored = true;
    scene.process.set_action(kSigUsr1, ignore);
    scene.note("ignored");
  });
  s.rig.at(35us, [&] { s.process.send_from_outside(kSigUsr1, *s.first); });
  play(s, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    co_await sys_rt_sigaction(ctx, kSigUsr1, noting(scene));
    co_await block(ctx, SigSet::of(kSigUsr1));
    const Value fd = co_await sys_epoll_create1(ctx, scene.files, 0);
    EpollEvent event;
    const Value count =
        co_await sys_epoll_pwait(ctx, scene.files, static_cast<int>(*fd), &event, 1, 100us, {});
    CHECK(count.error() == Errno::eintr);
    CHECK(ctx.now() == SimTime{} + 45us);
    CHECK(scene.log == "ignored");
    CHECK(scene.first->blocked() == SigSet::of(kSigUsr1));
  });
}

TEST_CASE("a signal for a thread that has ended is ESRCH, by tgkill also with 0") {
  SignalScene s;
  play(s, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    Thread other;
    std::optional<ThreadSignals> gone;
    gone.emplace(scene.process, other);
    for (std::int32_t number : {0, kSigUsr1}) {
      const Value there = co_await sys_tgkill(ctx, scene.process, *gone, number);
      CHECK(there == 0);
    }
    ThreadSignals& address = *gone;
    gone.reset();
    for (std::int32_t number : {0, kSigUsr1}) {
      const Value sent = co_await sys_tgkill(ctx, scene.process, address, number);
      CHECK(sent.error() == Errno::esrch);
    }
  });
}

TEST_CASE("kill with 0 looks for somebody, and there are no other numbers than 1 to 64") {
  SignalScene s;
  play(s, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    const Value there = co_await sys_kill(ctx, scene.process, 0);
    CHECK(there == 0);
    ProcessSignals nobody(scene.rig.system, 1);
    const Value gone = co_await sys_kill(ctx, nobody, 0);
    CHECK(gone.error() == Errno::esrch);
    const Value sent = co_await sys_kill(ctx, nobody, kSigUsr1);
    CHECK(sent.error() == Errno::esrch);
    for (std::int32_t number : {-1, 65}) {
      const Value unknown = co_await sys_kill(ctx, scene.process, number);
      CHECK(unknown.error() == Errno::einval);
    }
    for (std::int32_t number : {0, kSigKill, kSigStop, 65}) {
      const Value refused = co_await sys_rt_sigaction(ctx, number, noting(scene));
      CHECK(refused.error() == Errno::einval);
    }
    co_await block(ctx, kAll);
    CHECK(scene.first->blocked() == (kAll & ~kSigKernelOnly));
  });
}

TEST_CASE("a default action that would end the process stops the run") {
  SignalScene s;
  s.rig.thread<SignalScene>(0, s, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    ThreadSignals mine(scene.process, ctx.thread());
    co_await sys_kill(ctx, scene.process, kSigTerm);
  });
  CHECK_THROWS_WITH(s.rig.timeline.run(), Catch::Contains("default action"));
}
