// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/eventfd/eventfd.h"

#include "tests/model/kernel/poll/scene.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

Task<PollEvents> poll_of(Sleepable& ctx, PollScene& s, int fd) {
  const FilePtr file = *s.files.get(fd);
  co_return co_await file->pollable()->poll(ctx, *file, nullptr);
}

}  // namespace

TEST_CASE("a read returns the counter and makes it 0; writes add up") {
  PollScene s;
  s.rig.thread<PollScene>(0, s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    const int fd = scene.eventfd(5);
    const Value wrote = co_await put(ctx, scene, fd, 7);
    CHECK(wrote == 8);
    std::uint64_t value = 0;
    const Value read = co_await take(ctx, scene, fd, value);
    CHECK(read == 8);
    CHECK(value == 12);
    const Value again = co_await take(ctx, scene, fd, value);
    CHECK(again.error() == Errno::eagain);
    CHECK(ctx.costs().eventfd_call.count == 3);
    ++scene.done;
  });
  s.rig.run();
  CHECK(s.done == 1);
}

TEST_CASE("a write beyond the maximum is EAGAIN, of 2^64 - 1 EINVAL, of fewer bytes EINVAL") {
  PollScene s;
  s.rig.thread<PollScene>(0, s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    const int fd = scene.eventfd(0);
    const Value largest = co_await put(ctx, scene, fd, kMost - 1);
    CHECK(largest == 8);
    const Value beyond = co_await put(ctx, scene, fd, 1);
    CHECK(beyond.error() == Errno::eagain);
    const Value reserved = co_await put(ctx, scene, fd, kMost);
    CHECK(reserved.error() == Errno::einval);
    std::array<std::byte, 7> few{};
    const Value short_write = co_await sys_write(ctx, scene.files, fd, few);
    CHECK(short_write.error() == Errno::einval);
    const Value short_read = co_await sys_read(ctx, scene.files, fd, few);
    CHECK(short_read.error() == Errno::einval);
    CHECK(scene.counter(fd).count() == kMost - 1);
    ++scene.done;
  });
  s.rig.run();
  CHECK(s.done == 1);
}

TEST_CASE(
    "an eventfd is readable iff its counter is above 0, writable iff it is below the maximum") {
  PollScene s;
  s.rig.thread<PollScene>(0, s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    const int fd = scene.eventfd(0);
    const PollEvents empty = co_await poll_of(ctx, scene, fd);
    CHECK(letters(empty) == "o");
    co_await put(ctx, scene, fd, 1);
    const PollEvents both = co_await poll_of(ctx, scene, fd);
    CHECK(letters(both) == "io");
    co_await put(ctx, scene, fd, kMost - 2);
    const PollEvents full = co_await poll_of(ctx, scene, fd);
    CHECK(letters(full) == "i");
    ++scene.done;
  });
  s.rig.run();
  CHECK(s.done == 1);
}

TEST_CASE(
    "a signal from the kernel at the maximum overflows: it reads 2^64 - 1 and polls an error") {
  PollScene s;
  s.fds.push_back(s.eventfd(0));
  s.rig.thread<PollScene>(0, s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    co_await put(ctx, scene, scene.fds[0], kMost - 1);
  });
  IrqAction& signals = s.rig.action<PollScene>(s, [](Atomic& ctx, PollScene& scene) -> Task<void> {
    co_await scene.counter(scene.fds[0]).signal(ctx);
    co_await scene.counter(scene.fds[0]).signal(ctx);
  });
  s.rig.irq_at(1us, 0, signals);
  s.rig.at(2us, [&] {
    s.rig.thread<PollScene>(0, s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
      const PollEvents over = co_await poll_of(ctx, scene, scene.fds[0]);
      CHECK(letters(over) == "ie");
      std::uint64_t value = 0;
      co_await take(ctx, scene, scene.fds[0], value);
      CHECK(value == kMost);
      ++scene.done;
    });
  });
  s.rig.run();
  CHECK(s.done == 1);
}

TEST_CASE("a semaphore gives 1 per read and loses it") {
  PollScene s;
  s.rig.thread<PollScene>(0, s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    const int fd = scene.eventfd(2, kEfdSemaphore | kEfdNonblock);
    for (std::uint64_t left : {1, 0}) {
      std::uint64_t value = 0;
      const Value read = co_await take(ctx, scene, fd, value);
      CHECK(read == 8);
      CHECK(value == 1);
      CHECK(scene.counter(fd).count() == left);
    }
    std::uint64_t value = 0;
    const Value none = co_await take(ctx, scene, fd, value);
    CHECK(none.error() == Errno::eagain);
    ++scene.done;
  });
  s.rig.run();
  CHECK(s.done == 1);
}

TEST_CASE(
    "without O_NONBLOCK a reader sleeps until there is something, a writer until there is room") {
  PollScene s;
  s.fds.push_back(s.eventfd(0, 0));
  s.rig.thread<PollScene>(0, s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    std::uint64_t value = 0;
    const Value read = co_await take(ctx, scene, scene.fds[0], value);
    CHECK(read == 8);
    CHECK(value == kMost - 1);
    scene.log.add("read", ctx.now());
    co_await ctx.spend(scene.work);
    co_await take(ctx, scene, scene.fds[0], value);
    CHECK(value == 3);
    scene.log.add("read", ctx.now());
  });
  s.rig.thread<PollScene>(1, s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    co_await ctx.spend(scene.work);
    co_await put(ctx, scene, scene.fds[0], kMost - 1);
    const Value blocked = co_await put(ctx, scene, scene.fds[0], 3);
    CHECK(blocked == 8);
    scene.log.add("wrote", ctx.now());
  });
  s.rig.run();
  CHECK(s.log.text == "read@1000 wrote@1000 read@2000");
}

TEST_CASE("a signal ends a blocked read") {
  PollScene s;
  s.fds.push_back(s.eventfd(0, 0));
  Thread& reader =
      s.rig.thread<PollScene>(0, s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
        std::uint64_t value = 0;
        const Value read = co_await take(ctx, scene, scene.fds[0], value);
        CHECK(read.error() == Errno::erestartsys);
        ++scene.done;
      });
  s.rig.at(1us, [&] { signal_wake_up(s.rig.system, reader, nullptr); });
  s.rig.run();
  CHECK(s.done == 1);
}

TEST_CASE("eventfd2 takes the flags that exist and no others, and a descriptor") {
  PollScene s;
  s.rig.thread<PollScene>(0, s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    const Value unknown = co_await sys_eventfd2(ctx, scene.files, 0, 2);
    CHECK(unknown.error() == Errno::einval);
    const Value made = co_await sys_eventfd2(ctx, scene.files, 9, kEfdNonblock | kEfdCloexec);
    REQUIRE(made == 0);
    CHECK((*scene.files.get(0))->nonblocking);
    CHECK(scene.counter(0).count() == 9);
    const Value blocks = co_await sys_eventfd2(ctx, scene.files, 0, 0);
    REQUIRE(blocks == 1);
    CHECK_FALSE((*scene.files.get(1))->nonblocking);
    std::array<std::byte, 8> eight{};
    const Value closed = co_await sys_read(ctx, scene.files, 7, eight);
    CHECK(closed.error() == Errno::ebadf);
    ++scene.done;
  });
  s.rig.run();
  CHECK(s.done == 1);
}
