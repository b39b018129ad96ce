// SPDX-License-Identifier: Apache-2.0
// poll(2): what it tells at once, what it waits for, and until when.
#include "model/kernel/calls/event_calls.h"
#include "model/kernel/eventfd/eventfd.h"
#include "tests/model/kernel/socket/net_scene.h"

namespace iodrome::kernel {
namespace {

struct Polled : NetScene {
  Value value = 0;
  std::vector<PollFd> asked;
  Duration timeout{-1};
};

Task<void> poll_all(Sleepable& ctx, Polled& s) {
  s.value = co_await sys_poll(ctx, s.files, s.asked, s.timeout);
}
Task<void> signal_at_two(Sleepable& ctx, Polled& s) {
  co_await sleep_until(s.rig.timeline, SimTime{} + 2us);
  const FilePtr file = *s.files.get(0);
  co_await static_cast<EventFd&>(*file->object).signal(ctx, 1);
}

TEST_CASE("a poll tells what is ready without waiting, and of a descriptor that is none") {
  Polled s;
  const int ready = *s.files.install(*make_eventfd(1, 0));
  const int empty = *s.files.install(*make_eventfd(0, 0));
  s.asked = {{ready, kPollIn, 0}, {empty, kPollIn, 0}, {99, kPollIn, 0}, {-1, kPollIn, 7}};
  s.rig.thread<Polled>(0, s, poll_all);
  s.rig.run();
  CHECK(s.value == 2);
  CHECK(s.asked[0].revents == kPollIn);
  CHECK(s.asked[1].revents == 0);
  CHECK(s.asked[2].revents == kPollNval);
  CHECK(s.asked[3].revents == 0);
}

TEST_CASE("a poll sleeps until one of its files is ready") {
  Polled s;
  s.rig.system.scheduler.hz = 0;
  const int first = *s.files.install(*make_eventfd(0, 0));
  const int second = *s.files.install(*make_eventfd(0, 0));
  s.asked = {{second, kPollIn, 0}, {first, kPollIn, 0}};
  s.rig.thread<Polled>(0, s, poll_all);
  s.rig.thread<Polled>(1, s, signal_at_two);
  s.rig.run();
  CHECK(s.value == 1);
  CHECK(s.asked[0].revents == 0);
  CHECK(s.asked[1].revents == kPollIn);
  CHECK(s.rig.now() == 2us);
}

TEST_CASE("a poll with a timeout ends with nothing when it is over, and at once with none") {
  for (const Duration timeout : {Duration{0}, Duration{700ns}}) {
    Polled s;
    s.rig.system.scheduler.hz = 0;
    s.asked = {{*s.files.install(*make_eventfd(0, 0)), kPollIn, 0}};
    s.timeout = timeout;
    s.rig.thread<Polled>(0, s, poll_all);
    s.rig.run();
    CHECK(s.value == 0);
    CHECK(s.rig.now() == timeout);
  }
}

TEST_CASE("a poll of more descriptors than the process may have is refused") {
  Polled s;
  s.asked.assign(s.files.limit() + 1, {-1, kPollIn, 0});
  s.rig.thread<Polled>(0, s, poll_all);
  s.rig.run();
  CHECK(s.value == fail(Errno::einval));
}

// The waker is in the midst of it when the poller, woken by its timer, goes.
TEST_CASE("a waker and the timeout of a poll that meet leave each other alone") {
  for (int at = 40; at <= 60; ++at) {
    struct Race : Polled {
      Duration when{};
    } s;
    s.rig.system.scheduler.hz = 0;
    s.rig.system.costs.try_to_wake_up.each = 600ns;
    s.rig.system.costs.epoll_event.each = 10ns;
    s.asked = {{*s.files.install(*make_eventfd(0, 0)), kPollIn, 0}};
    s.timeout = 5us;
    s.when = at * 100ns;
    s.rig.thread<Polled>(0, s, poll_all);
    s.rig.thread<Race>(1, s, [](Sleepable& ctx, Race& race) -> Task<void> {
      co_await sleep_until(race.rig.timeline, SimTime{} + race.when);
      const FilePtr file = *race.files.get(0);
      co_await static_cast<EventFd&>(*file->object).signal(ctx, 1);
    });
    s.rig.run();
    CAPTURE(at);
    const bool in_time = at * 100ns < 5'610ns;  // before its last look, which follows the timer
    CHECK(s.value == (in_time ? 1 : 0));
  }
}

TEST_CASE("a poll that finds nothing is EINTR if a signal is pending, also without a timeout") {
  for (const Duration timeout : {Duration{0}, Duration{-1}}) {
    Polled s;
    s.asked = {{*s.files.install(*make_eventfd(0, 0)), kPollIn, 0}};
    s.timeout = timeout;
    Thread& thread = s.rig.thread<Polled>(0, s, poll_all);
    thread.signal_pending = true;
    s.rig.run();
    CHECK(s.value == fail(Errno::eintr));
  }
}

}  // namespace
}  // namespace iodrome::kernel
