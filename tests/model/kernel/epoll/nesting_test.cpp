// SPDX-License-Identifier: Apache-2.0
// Instances that watch instances.
#include "model/kernel/epoll/epoll.h"

#include "tests/model/kernel/poll/scene.h"

using namespace iodrome;
using namespace iodrome::kernel;

TEST_CASE("cycles of two or more instances are ELOOP") {
  PollScene s;
  for (int i = 0; i < 4; ++i) s.epoll();
  play(s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    for (int fd = 0; fd < 3; ++fd) {
      const Value nested = co_await add(ctx, scene, fd, fd + 1, kPollIn);
      CHECK(nested == 0);
    }
    const Value two = co_await add(ctx, scene, 1, 0, kPollIn);
    CHECK(two.error() == Errno::eloop);
    const Value four = co_await add(ctx, scene, 3, 0, kPollIn);
    CHECK(four.error() == Errno::eloop);
    // Two ways to the same instance are no cycle.
    const Value diamond = co_await add(ctx, scene, 0, 2, kPollIn);
    CHECK(diamond == 0);
  });
}

TEST_CASE("a file may be watched through five instances, and a sixth is EINVAL") {
  PollScene s;
  s.eventfd();
  for (int i = 0; i < 6; ++i) s.epoll();
  play(s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    for (int fd = 1; fd <= 5; ++fd) {
      const Value nested = co_await add(ctx, scene, fd, fd - 1, kPollIn);
      CHECK(nested == 0);
    }
    const Value sixth = co_await add(ctx, scene, 6, 5, kPollIn);
    CHECK(sixth.error() == Errno::einval);
    CHECK(scene.instance(6).watched() == 0);
  });
}

TEST_CASE("wake-ups may take ten paths of the greatest length, and no more") {
  PollScene s;
  s.eventfd();
  for (int i = 0; i < 4; ++i) s.epoll();
  for (int i = 0; i < 11; ++i) s.epoll();
  play(s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    for (int fd = 1; fd <= 4; ++fd) co_await add(ctx, scene, fd, fd - 1, kPollIn);
    for (int fd = 5; fd < 15; ++fd) {
      const Value path = co_await add(ctx, scene, fd, 4, kPollIn);
      CHECK(path == 0);
    }
    const Value eleventh = co_await add(ctx, scene, 15, 4, kPollIn);
    CHECK(eleventh.error() == Errno::einval);
  });
}

TEST_CASE("nested instances report at every level, and go quiet when the file is drained") {
  PollScene s;
  s.eventfd();
  for (int i = 0; i < 5; ++i) s.epoll();
  play(s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    for (int fd = 1; fd <= 5; ++fd) co_await add(ctx, scene, fd, fd - 1, kPollIn);
    co_await put(ctx, scene, 0, 1);
    for (int fd = 1; fd <= 5; ++fd) {
      const std::string ready = co_await wait_text(ctx, scene, fd);
      CHECK(ready == std::to_string(fd - 1) + "i");
    }
    co_await drain(ctx, scene, 0);
    for (int fd = 5; fd >= 1; --fd) {
      const std::string quiet = co_await wait_text(ctx, scene, fd);
      CHECK(quiet.empty());
    }
  });
}

TEST_CASE("a thread that waits at the outermost of five instances is woken by the innermost file") {
  PollScene s;
  s.eventfd();
  for (int i = 0; i < 5; ++i) s.epoll();
  IrqAction& arrive = s.rig.action<PollScene>(s, [](Atomic& ctx, PollScene& scene) -> Task<void> {
    co_await scene.counter(0).signal(ctx);
  });
  s.rig.irq_at(10us, 1, arrive);
  play(s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    for (int fd = 1; fd <= 5; ++fd) co_await add(ctx, scene, fd, fd - 1, kPollIn);
    const std::string ready = co_await wait_text(ctx, scene, 5, 1s);
    CHECK(ready == "4i");
    CHECK(ctx.now() == SimTime{} + 10us);
    CHECK(ctx.costs().epoll_callback.count == 5);
  });
}
