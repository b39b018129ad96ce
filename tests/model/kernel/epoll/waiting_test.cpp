// SPDX-License-Identifier: Apache-2.0
// Threads that wait at instances: who is woken, by what, and what it costs.
#include "model/kernel/epoll/epoll.h"

#include "tests/model/kernel/poll/scene.h"

using namespace iodrome;
using namespace iodrome::kernel;

TEST_CASE("epoll_wait looks only, with a timeout of zero; else it ends with the timeout") {
  PollScene s;
  s.fds = {s.epoll(), s.eventfd()};
  s.rig.system.timer_params.slack = 50us;
  play(s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    co_await add(ctx, scene, 0, 1, kPollIn);
    const std::string at_once = co_await wait_text(ctx, scene, 0, 0s);
    CHECK(at_once.empty());
    CHECK(ctx.now() == SimTime{});
    CHECK(ctx.costs().hrtimer_start.count == 0);
    const std::string later = co_await wait_text(ctx, scene, 0, 3ms);
    CHECK(later.empty());
    CHECK(ctx.now() == SimTime{} + 3050us);
    CHECK(ctx.costs().hrtimer_start.count == 1);
  });
}

TEST_CASE("a signal ends a wait with EINTR, but what is ready comes first") {
  PollScene s;
  s.fds = {s.epoll(), s.eventfd()};
  Thread* waiter = nullptr;
  s.rig.at(5us, [&] { signal_wake_up(s.rig.system, *waiter, nullptr); });
  waiter = &s.rig.thread<PollScene>(0, s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    co_await add(ctx, scene, 0, 1, kPollIn);
    const std::string ended = co_await wait_text(ctx, scene, 0, -1s);
    CHECK(ended == "EINTR");
    CHECK(ctx.now() == SimTime{} + 5us);
    co_await put(ctx, scene, 1, 1);
    const std::string ready = co_await wait_text(ctx, scene, 0, -1s);
    CHECK(ready == "1i");
    co_await drain(ctx, scene, 1);
    const std::string pending = co_await wait_text(ctx, scene, 0, -1s);
    CHECK(pending == "EINTR");
    ++scene.done;
  });
  s.rig.run();
  CHECK(s.done == 1);
}

namespace {

// Waits for its event at the instance that the scene names next, and drains nothing.
Task<void> wait_for_one(Sleepable& ctx, PollScene& s) {
  const int epfd = s.fds.back();
  if (s.fds.size() > 1) s.fds.pop_back();
  const std::string ready = co_await wait_text(ctx, s, epfd, -1s);
  CHECK(ready == "0i");
  s.log.add("thread" + std::to_string(ctx.thread().id), ctx.now());
}

}  // namespace

TEST_CASE("without EPOLLEXCLUSIVE an event wakes every instance, with it exactly one") {
  for (const bool exclusive : {false, true}) {
    PollScene s(4);
    s.eventfd();
    for (int i = 0; i < 3; ++i) s.fds.push_back(s.epoll());
    s.rig.thread<PollScene>(3, s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
      ++scene.done;
      co_await ctx.spend(scene.work);
    });
    struct Setup {
      PollScene& scene;
      PollEvents events;
    } setup{s, kPollIn | (exclusive ? kEpollExclusive | kEpollEdge : kEpollEdge)};
    s.rig.thread<Setup>(3, setup, [](Sleepable& ctx, Setup& on) -> Task<void> {
      for (int epfd = 1; epfd <= 3; ++epfd) co_await add(ctx, on.scene, epfd, 0, on.events);
    });
    s.rig.at(2us, [&] {
      for (std::uint32_t cpu = 0; cpu < 3; ++cpu) s.rig.thread(cpu, s, wait_for_one);
    });
    IrqAction& arrive = s.rig.action<PollScene>(
        s, [](Atomic& ctx, PollScene& on) -> Task<void> { co_await on.counter(0).signal(ctx); });
    s.rig.irq_at(10us, 3, arrive);
    s.rig.run();
    CHECK(std::count(s.log.text.begin(), s.log.text.end(), '@') == (exclusive ? 1 : 3));
    if (exclusive) {
      // Nobody waits at the first instance any more, so the second takes the next event.
      s.rig.irq_at(20us, 3, arrive);
      s.rig.run();
      CHECK(std::count(s.log.text.begin(), s.log.text.end(), '@') == 2);
    }
    s.rig.end();
  }
}

TEST_CASE("of the threads that wait at one instance the youngest is woken, and the others stay") {
  PollScene s(4);
  s.eventfd();
  s.fds = {s.epoll()};
  s.rig.thread<PollScene>(3, s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    co_await add(ctx, scene, scene.fds[0], 0, kPollIn | kEpollEdge);
  });
  for (std::uint32_t cpu = 0; cpu < 3; ++cpu)
    s.rig.at((cpu + 1) * 1us, [&s, cpu] { s.rig.thread(cpu, s, wait_for_one); });
  IrqAction& arrive = s.rig.action<PollScene>(s, [](Atomic& ctx, PollScene& scene) -> Task<void> {
    co_await scene.counter(0).signal(ctx);
  });
  for (const Duration time : {10us, 20us, 30us}) s.rig.irq_at(time, 3, arrive);
  s.rig.run();
  CHECK(s.log.text == "thread4@10000 thread3@20000 thread2@30000");
}

TEST_CASE("level triggered, who is woken passes the rest of the events on to the next thread") {
  PollScene s(4);
  s.eventfd();
  s.fds = {s.epoll()};
  s.rig.thread<PollScene>(3, s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    co_await add(ctx, scene, scene.fds[0], 0, kPollIn);
  });
  for (std::uint32_t cpu = 0; cpu < 2; ++cpu)
    s.rig.at((cpu + 1) * 1us, [&s, cpu] { s.rig.thread(cpu, s, wait_for_one); });
  IrqAction& arrive = s.rig.action<PollScene>(s, [](Atomic& ctx, PollScene& scene) -> Task<void> {
    co_await scene.counter(0).signal(ctx);
  });
  s.rig.irq_at(10us, 3, arrive);
  s.rig.run();
  CHECK(s.log.text == "thread3@10000 thread2@10000");
}

TEST_CASE("a wait pays for the call, each event, and the wake-up that made it ready") {
  PollScene s;
  s.epoll();
  for (int i = 0; i < 3; ++i) s.eventfd();
  play(s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    for (int fd = 1; fd <= 3; ++fd) co_await add(ctx, scene, 0, fd, kPollIn);
    CHECK(ctx.costs().epoll_ctl.count == 3);
    for (int fd = 1; fd <= 2; ++fd) co_await put(ctx, scene, fd, 1);
    CHECK(ctx.costs().epoll_callback.count == 2);
    const std::string ready = co_await wait_text(ctx, scene, 0);
    CHECK(ready == "1i 2i");
    CHECK(ctx.costs().epoll_wait.count == 1);
    CHECK(ctx.costs().epoll_event.count == 2);
    co_await modify(ctx, scene, 0, 1, kPollIn);
    CHECK(ctx.costs().epoll_mod.count == 1);
  });
}
