// SPDX-License-Identifier: Apache-2.0
// The receive buffer, the window it allows, and what a receiving socket is ready for.
#include "model/kernel/mm/copy.h"
#include "model/kernel/socket/loopback.h"
#include "tests/model/kernel/socket/net_scene.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

// Events with EPOLLRDHUP as 'r'.
Task<std::string> ready(Sleepable& ctx, NetScene& s, int epfd, Duration timeout = Duration{0}) {
  std::array<EpollEvent, 4> events;
  const Value count = co_await sys_epoll_wait(ctx, s.files, epfd, events.data(), 4, timeout);
  std::string text;
  for (std::size_t i = 0; i < static_cast<std::size_t>(*count); ++i)
    text += std::to_string(events[i].data) + letters(events[i].events) +
            ((events[i].events & kPollRdHup) != 0 ? "r" : "");
  co_return text;
}

constexpr PollEvents kReading = kPollIn | kPollRdHup;

}  // namespace

TEST_CASE("a reader sleeps for the first byte, and gets what is there, not what it asked for") {
  NetScene s;
  play(s, [](Sleepable& ctx, NetScene& scene) -> Task<void> { co_await pair(ctx, scene); });
  s.rig.thread<NetScene>(0, s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    const SimTime begin = ctx.now();
    const Value none = co_await recv_stream(ctx, scene, scene.fds[2], 0, 10'000, kMsgDontwait);
    CHECK(none == fail(Errno::eagain));
    const Value got = co_await recv_stream(ctx, scene, scene.fds[2], 0, 10'000);
    CHECK(got == 300);
    CHECK(ctx.now() == begin + 40us + 300ns + 300ns);  // both copies
    ++scene.done;
  });
  s.rig.thread<NetScene>(1, s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    Cost later{40us};
    co_await ctx.spend(later);
    co_await send_stream(ctx, scene, scene.fds[1], 0, 300);
    ++scene.done;
  });
  s.rig.run();
  CHECK(s.done == 2);
}

TEST_CASE("the sender stops where the window ends, and the buffer never holds more than it may") {
  NetScene s(1, {1'000'000, 20'000, 50'000});
  play(s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    co_await pair(ctx, scene);
    Socket& client = scene.socket(scene.fds[1]);
    Socket& server = scene.socket(scene.fds[2]);
    co_await send_stream(ctx, scene, scene.fds[1], 0, 120'000);
    co_await ctx.spend(scene.work);
    CHECK(server.bytes_held() == 50'000);
    CHECK(client.bytes_unacknowledged() == 70'000);
    std::uint64_t at = 0;
    while (at < 120'000) {
      const Value got = co_await recv_stream(ctx, scene, scene.fds[2], at, 7'000);
      at += static_cast<std::uint64_t>(*got);
      CHECK(server.bytes_held() <= 50'000);
      co_await ctx.spend(scene.work);
    }
    CHECK(at == 120'000);
    CHECK(server.bytes_dropped() == 0);
    CHECK(client.bytes_unacknowledged() == 0);
  });
  CHECK(s.rig.memory.pages_in_use() == s.pages_before);
}

TEST_CASE("a window that was shut opens again once a segment is free") {
  // Segments of a page: rcv_mss is 4096, a sixteenth of the buffer 3125.
  NetScene s(1, {1'000'000, 4'096, 50'000});
  play(s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    co_await pair(ctx, scene);
    Socket& server = scene.socket(scene.fds[2]);
    co_await send_stream(ctx, scene, scene.fds[1], 0, 90'000);
    co_await ctx.spend(scene.work);
    REQUIRE(server.bytes_held() == 50'000);
    co_await recv_stream(ctx, scene, scene.fds[2], 0, 4'095);
    co_await ctx.spend(scene.work);
    CHECK(server.bytes_held() == 45'905);  // nothing was offered
    co_await recv_stream(ctx, scene, scene.fds[2], 4'095, 1);
    co_await ctx.spend(scene.work);
    CHECK(server.bytes_held() == 50'000);  // a segment was, and has come
  });
}

TEST_CASE("the buffer counts what a reader has taken until it is copied") {
  NetScene s(2, {1'000'000, 20'000, 20'000});
  play(s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    co_await pair(ctx, scene);
    co_await send_stream(ctx, scene, scene.fds[1], 0, 60'000);
  });
  s.rig.thread<NetScene>(0, s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    const Value got = co_await recv_stream(ctx, scene, scene.fds[2], 0, 20'000);
    CHECK(got == 20'000);
  });
  const Duration start = s.rig.now();
  s.rig.at(start + 2us, [&] { CHECK(s.socket(s.fds[2]).bytes_held() == 20'000); });
  s.rig.at(start + 5us, [&] { CHECK(s.socket(s.fds[2]).bytes_held() == 20'000 - 4'096); });
  s.rig.run();
}

TEST_CASE("two readers of one stream share it: each gets a piece in one, nobody the same") {
  NetScene s(2);
  play(s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    co_await pair(ctx, scene);
    co_await send_stream(ctx, scene, scene.fds[1], 0, 16'000);
    co_await ctx.spend(scene.work);
  });
  s.rig.thread<NetScene>(0, s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    const Value got = co_await recv_stream(ctx, scene, scene.fds[2], 0, 9'000);
    CHECK(got == 9'000);
    ++scene.done;
  });
  s.rig.thread<NetScene>(1, s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    const Value got = co_await recv_stream(ctx, scene, scene.fds[2], 9'000, 9'000);
    CHECK(got == 7'000);
    ++scene.done;
  });
  s.rig.run();
  CHECK(s.done == 2);
}

TEST_CASE("a socket is readable with the first byte, and tells it in the softirq that brings it") {
  NetScene s;
  play(s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    co_await pair(ctx, scene);
    const int epoll = scene.epoll();
    co_await add(ctx, scene, epoll, scene.fds[2], kReading | kEpollEdge);
    const std::string before = co_await ready(ctx, scene, epoll);
    CHECK(before.empty());
    for (int i = 0; i < 2; ++i) {
      co_await send_stream(ctx, scene, scene.fds[1], static_cast<std::uint64_t>(i), 1);
      const std::string arrived = co_await ready(ctx, scene, epoll, -1s);
      CHECK(arrived == "2i");
      const std::string told = co_await ready(ctx, scene, epoll);
      CHECK(told.empty());
    }
    co_await recv_stream(ctx, scene, scene.fds[2], 0, 10);
    co_await modify(ctx, scene, epoll, scene.fds[2], kReading);
    const std::string read = co_await ready(ctx, scene, epoll);
    CHECK(read.empty());
  });
}

TEST_CASE("a listening socket is readable while a connection waits") {
  NetScene s;
  play(s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    co_await listening(ctx, scene, 80);
    const int epoll = scene.epoll();
    co_await add(ctx, scene, epoll, 0, kPollIn | kPollOut);
    const std::string none = co_await ready(ctx, scene, epoll);
    CHECK(none.empty());
    co_await connected(ctx, scene, 80, kSockNonblock);
    const std::string some = co_await ready(ctx, scene, epoll, -1s);
    CHECK(some == "0i");
    co_await sys_accept4(ctx, scene.files, 0);
    const std::string gone = co_await ready(ctx, scene, epoll);
    CHECK(gone.empty());
  });
}

TEST_CASE("the peer's end is EPOLLRDHUP, both ends EPOLLHUP, a reset EPOLLERR besides") {
  NetScene s;
  play(s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    co_await pair(ctx, scene);
    const int epoll = scene.epoll();
    co_await add(ctx, scene, epoll, scene.fds[2], kReading | kPollOut);
    const std::string open = co_await ready(ctx, scene, epoll);
    CHECK(open == "2o");
    co_await sys_shutdown(ctx, scene.files, scene.fds[1], 1);
    co_await ctx.spend(scene.work);
    const std::string half = co_await ready(ctx, scene, epoll);
    CHECK(half == "2ior");
    co_await sys_shutdown(ctx, scene.files, scene.fds[2], 1);
    co_await ctx.spend(scene.work);
    const std::string both = co_await ready(ctx, scene, epoll);
    CHECK(both == "2iohr");
    co_await sys_close(ctx, scene.files, scene.fds[2]);
    co_await sys_close(ctx, scene.files, scene.fds[1]);
    co_await sys_close(ctx, scene.files, scene.fds[0]);
    co_await ctx.spend(scene.work);
    co_await pair(ctx, scene);
    co_await add(ctx, scene, epoll, scene.fds[2], kReading | kPollOut);
    co_await send_stream(ctx, scene, scene.fds[2], 0, 1);
    co_await ctx.spend(scene.work);
    co_await sys_close(ctx, scene.files, scene.fds[1]);  // unread
    co_await ctx.spend(scene.work);
    const std::string reset = co_await ready(ctx, scene, epoll);
    CHECK(reset == "2ioehr");
  });
}

TEST_CASE("a sender that found no room is told when the reader has made some") {
  NetScene s(1, {30'000, 10'000, 30'000});
  play(s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    co_await pair(ctx, scene, kSockNonblock);
    const int epoll = scene.epoll();
    co_await add(ctx, scene, epoll, scene.fds[1], kPollOut | kEpollEdge);
    std::uint64_t sent = 0;
    for (Value more = 0; more; sent += more ? static_cast<std::uint64_t>(*more) : 0) {
      more = co_await send_stream(ctx, scene, scene.fds[1], sent, 50'000);
      co_await ctx.spend(scene.work);
    }
    CHECK(sent == 60'000);
    const std::string first = co_await ready(ctx, scene, epoll);
    CHECK(first.empty());
    co_await recv_stream(ctx, scene, scene.fds[2], 0, 30'000);
    const std::string room = co_await ready(ctx, scene, epoll, -1s);
    CHECK(room == "1o");
  });
}
