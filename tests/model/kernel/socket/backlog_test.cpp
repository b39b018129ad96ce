// SPDX-License-Identifier: Apache-2.0
// Connections that wait to be accepted, and those for which there is no place.
#include "model/kernel/socket/loopback.h"
#include "tests/model/kernel/socket/net_scene.h"

using namespace iodrome;
using namespace iodrome::kernel;

TEST_CASE("one more than the backlog may wait; a further SYN is dropped and sent again") {
  NetScene s;
  s.rig.thread<NetScene>(0, s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    co_await listening(ctx, scene, 80, 1);
    co_await connected(ctx, scene, 80);
    co_await connected(ctx, scene, 80);
    CHECK(ctx.now() < SimTime{} + 1ms);
    co_await connected(ctx, scene, 80);
    CHECK(ctx.now() > SimTime{} + 3s);  // after 1 s and 2 s more
    CHECK(ctx.now() < SimTime{} + 3200ms);
    CHECK(scene.socket(0).listen_drops() == 2);
    ++scene.done;
  });
  s.rig.thread<NetScene>(1, s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    Cost two_seconds{2s};
    co_await ctx.spend(two_seconds);
    const Value accepted = co_await sys_accept4(ctx, scene.files, 0);
    CHECK(accepted.has_value());
    ++scene.done;
  });
  s.rig.run();
  CHECK(s.done == 2);
}

TEST_CASE("a SYN that nobody ever answers times out after its seventh time") {
  NetScene s;
  play(s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    co_await listening(ctx, scene, 80, 0);
    co_await connected(ctx, scene, 80);
    co_await sys_socket(ctx, scene.net, scene.files);
    const Value ended = co_await sys_connect(ctx, scene.files, 2, 80);
    CHECK(ended == fail(Errno::etimedout));
    CHECK(scene.socket(0).listen_drops() == 7);
    CHECK(ctx.now() > SimTime{} + 127s);
    CHECK(ctx.now() < SimTime{} + 135s);  // by the wheel's granularity
  });
}

TEST_CASE("no backlog is longer than somaxconn") {
  NetScene s;
  s.params.somaxconn = 2;
  play(s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    co_await listening(ctx, scene, 80, -1);
    for (int i = 0; i < 3; ++i) co_await connected(ctx, scene, 80);
    co_await connected(ctx, scene, 80, kSockNonblock);
    co_await ctx.spend(scene.work);
    CHECK(scene.socket(0).listen_drops() == 1);
    CHECK(scene.socket(4).state() == SocketState::syn_sent);
    co_await sys_close(ctx, scene.files, 4);
  });
}

TEST_CASE("connections are accepted in the order in which they were made") {
  NetScene s;
  play(s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    co_await listening(ctx, scene, 80);
    for (int i = 0; i < 3; ++i) co_await connected(ctx, scene, 80);
    for (int i = 0; i < 3; ++i) {
      const Value next = co_await sys_accept4(ctx, scene.files, 0);
      CHECK(scene.socket(static_cast<int>(*next)).peer_port() == scene.socket(1 + i).port());
    }
  });
}

TEST_CASE("closing a listening socket resets those that nobody has accepted") {
  NetScene s;
  play(s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    co_await listening(ctx, scene, 80);
    co_await connected(ctx, scene, 80);
    co_await connected(ctx, scene, 80);
    const Value kept = co_await sys_accept4(ctx, scene.files, 0);
    CHECK(kept == 3);
    co_await sys_close(ctx, scene.files, 0);
    co_await ctx.spend(scene.work);
    const Value lost = co_await recv_stream(ctx, scene, 2, 0, 10);
    CHECK(lost == fail(Errno::econnreset));
    CHECK(scene.net.connections() == 2);
    co_await send_stream(ctx, scene, 1, 0, 10);
    const Value got = co_await recv_stream(ctx, scene, 3, 0, 10);
    CHECK(got == 10);
  });
}

TEST_CASE("whoever waits in accept hears that the socket no longer listens") {
  NetScene s;
  s.rig.thread<NetScene>(0, s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    co_await listening(ctx, scene, 80);
    const Value ended = co_await sys_accept4(ctx, scene.files, 0);
    CHECK(ended == fail(Errno::einval));
    ++scene.done;
  });
  s.rig.thread<NetScene>(1, s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    co_await ctx.spend(scene.work);
    const Value down = co_await sys_shutdown(ctx, scene.files, 0, 0);
    CHECK(down == 0);
    ++scene.done;
  });
  s.rig.run();
  CHECK(s.done == 2);
}

TEST_CASE("a client that has gone before its connection was made leaves nothing behind") {
  NetScene s;
  play(s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    co_await listening(ctx, scene, 80);
    ctx.cpu().disable_softirqs();
    co_await connected(ctx, scene, 80, kSockNonblock);
    co_await sys_close(ctx, scene.files, 1);
    ctx.cpu().enable_softirqs();
    co_await ctx.spend(scene.work);
    CHECK(scene.net.connections() == 0);
    (*scene.files.get(0))->nonblocking = true;
    const Value none = co_await sys_accept4(ctx, scene.files, 0);
    CHECK(none == fail(Errno::eagain));
  });
}
