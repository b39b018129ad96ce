// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/timerfd/timerfd.h"

#include "model/kernel/calls/file_calls.h"
#include "tests/model/kernel/poll/scene.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

int timer(PollScene& s, std::int32_t flags = kTfdNonblock) {
  return s.install(*make_timerfd(kClockMonotonic, flags));
}

Task<void> work_until(Sleepable& ctx, PollScene& s, Duration time) {
  while (ctx.now() < SimTime{} + time) co_await ctx.spend(s.work);
}

}  // namespace

TEST_CASE("a one-shot timer expires once; a read tells it and then there is nothing") {
  PollScene s;
  s.rig.thread<PollScene>(0, s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    const int fd = timer(scene, 0);
    co_await sys_timerfd_settime(ctx, scene.files, fd, 0, {Duration{0}, 10us});
    std::uint64_t ticks = 0;
    const Value read = co_await take(ctx, scene, fd, ticks);  // sleeps
    CHECK(read == 8);
    CHECK(ticks == 1);
    CHECK(ctx.now() == SimTime{} + 10us);
    (*scene.files.get(fd))->nonblocking = true;
    const Value again = co_await take(ctx, scene, fd, ticks);
    CHECK(again.error() == Errno::eagain);
    TimerSetting left{1s, 1s};
    co_await sys_timerfd_gettime(ctx, scene.files, fd, left);
    CHECK(left.value == Duration{0});
    CHECK(left.interval == Duration{0});
    ++scene.done;
  });
  s.rig.run();
  CHECK(s.done == 1);
}

TEST_CASE("a periodic timer counts what expired since it was read last") {
  PollScene s;
  s.rig.thread<PollScene>(0, s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    const int fd = timer(scene);
    co_await sys_timerfd_settime(ctx, scene.files, fd, 0, {10us, 5us});
    std::uint64_t ticks = 0;
    const Value early = co_await take(ctx, scene, fd, ticks);
    CHECK(early.error() == Errno::eagain);
    co_await work_until(ctx, scene, 36us);  // 5, 15, 25, 35
    co_await take(ctx, scene, fd, ticks);
    CHECK(ticks == 4);
    // It interrupts once until it is read, however often it would have expired.
    CHECK(ctx.costs().hrtimer_expire.count == 1);
    co_await work_until(ctx, scene, 46us);
    co_await take(ctx, scene, fd, ticks);
    CHECK(ticks == 1);
    co_await sys_timerfd_settime(ctx, scene.files, fd, 0, {});
    co_await work_until(ctx, scene, 100us);
    const Value disarmed = co_await take(ctx, scene, fd, ticks);
    CHECK(disarmed.error() == Errno::eagain);
    ++scene.done;
  });
  s.rig.run();
  CHECK(s.done == 1);
}

TEST_CASE("an absolute time that has passed expires at once") {
  PollScene s;
  s.rig.thread<PollScene>(0, s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    const int fd = timer(scene, 0);
    co_await work_until(ctx, scene, 20us);
    co_await sys_timerfd_settime(ctx, scene.files, fd, kTfdAbstime, {Duration{0}, 12us});
    std::uint64_t ticks = 0;
    co_await take(ctx, scene, fd, ticks);
    CHECK(ticks == 1);
    CHECK(ctx.now() == SimTime{} + 20us);
    co_await sys_timerfd_settime(ctx, scene.files, fd, kTfdAbstime, {Duration{0}, 31us});
    co_await take(ctx, scene, fd, ticks);
    CHECK(ctx.now() == SimTime{} + 31us);
    // Since 12 us every 10: at 32 it expires for the first time, though two times have passed.
    co_await sys_timerfd_settime(ctx, scene.files, fd, kTfdAbstime, {10us, 12us});
    co_await take(ctx, scene, fd, ticks);
    CHECK(ticks == 2);  // 12 and 22
    co_await take(ctx, scene, fd, ticks);
    CHECK(ticks == 1);
    CHECK(ctx.now() == SimTime{} + 32us);
    ++scene.done;
  });
  s.rig.run();
  CHECK(s.done == 1);
}

TEST_CASE("setting tells what was set before, and gettime what is left") {
  PollScene s;
  s.rig.thread<PollScene>(0, s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    const int fd = timer(scene);
    TimerSetting old{1s, 1s};
    co_await sys_timerfd_settime(ctx, scene.files, fd, 0, {100us, 30us}, &old);
    CHECK(old.value == Duration{0});
    CHECK(old.interval == Duration{0});
    co_await work_until(ctx, scene, 10us);
    TimerSetting left{};
    co_await sys_timerfd_gettime(ctx, scene.files, fd, left);
    CHECK(left.value == 20us);
    CHECK(left.interval == 100us);
    co_await work_until(ctx, scene, 50us);  // expired at 30, next at 130
    co_await sys_timerfd_gettime(ctx, scene.files, fd, left);
    CHECK(left.value == 80us);
    std::uint64_t ticks = 0;
    co_await take(ctx, scene, fd, ticks);
    CHECK(ticks == 1);
    co_await work_until(ctx, scene, 150us);  // 130, next at 230
    co_await sys_timerfd_settime(ctx, scene.files, fd, 0, {Duration{0}, 5us}, &old);
    CHECK(old.value == 80us);
    CHECK(old.interval == 100us);
    const Value forgotten = co_await take(ctx, scene, fd, ticks);  // what had expired
    CHECK(forgotten.error() == Errno::eagain);
    ++scene.done;
  });
  s.rig.run();
  CHECK(s.done == 1);
}

TEST_CASE("calls on a timerfd refuse what does not exist") {
  PollScene s;
  s.rig.thread<PollScene>(0, s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    FileTable& files = scene.files;
    const Value clock = co_await sys_timerfd_create(ctx, files, 5, 0);
    CHECK(clock.error() == Errno::einval);
    const Value flags = co_await sys_timerfd_create(ctx, files, kClockMonotonic, 1);
    CHECK(flags.error() == Errno::einval);
    const Value fd = co_await sys_timerfd_create(ctx, files, kClockRealtime, kTfdNonblock);
    REQUIRE(fd == 0);
    const Value set_flags = co_await sys_timerfd_settime(ctx, files, 0, 4, {});
    CHECK(set_flags.error() == Errno::einval);
    const Value negative = co_await sys_timerfd_settime(ctx, files, 0, 0, {Duration{0}, -1us});
    CHECK(negative.error() == Errno::einval);
    const Value closed = co_await sys_timerfd_settime(ctx, files, 5, 0, {});
    CHECK(closed.error() == Errno::ebadf);
    const int other = scene.eventfd();
    TimerSetting left{};
    const Value no_timer = co_await sys_timerfd_gettime(ctx, files, other, left);
    CHECK(no_timer.error() == Errno::einval);
    std::array<std::byte, 7> few{};
    const Value short_read = co_await sys_read(ctx, files, 0, few);
    CHECK(short_read.error() == Errno::einval);
    std::array<std::byte, 8> eight{};
    const Value write = co_await sys_write(ctx, files, 0, eight);
    CHECK(write.error() == Errno::einval);
    ++scene.done;
  });
  s.rig.run();
  CHECK(s.done == 1);
}

TEST_CASE("an expiry wakes epoll; closing takes the timer back") {
  PollScene s;
  s.rig.thread<PollScene>(0, s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    const int fd = timer(scene);
    const int epfd = scene.epoll();
    co_await add(ctx, scene, epfd, fd, kPollIn);
    co_await sys_timerfd_settime(ctx, scene.files, fd, 0, {Duration{0}, 10us});
    const std::string first = co_await wait_text(ctx, scene, epfd, 1s);
    CHECK(first == "0i");
    CHECK(ctx.now() == SimTime{} + 10us);
    co_await sys_timerfd_settime(ctx, scene.files, fd, 0, {Duration{0}, 10s});
    co_await sys_close(ctx, scene.files, fd);
    CHECK(ctx.costs().hrtimer_cancel.count == 2);  // that of the wait, and this
    ++scene.done;
  });
  s.rig.run();
  CHECK(s.done == 1);
  CHECK(s.rig.now() < 1ms);
}
