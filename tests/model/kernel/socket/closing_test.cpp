// SPDX-License-Identifier: Apache-2.0
// How connections end, and what each end sees of it.
#include "model/kernel/socket/loopback.h"
#include "tests/model/kernel/socket/net_scene.h"

using namespace iodrome;
using namespace iodrome::kernel;

TEST_CASE("after a shutdown the peer reads what was sent and then the end, and may still answer") {
  NetScene s;
  play(s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    co_await pair(ctx, scene);
    const int client = scene.fds[1], server = scene.fds[2];
    co_await send_stream(ctx, scene, client, 0, 5'000);
    const Value down = co_await sys_shutdown(ctx, scene.files, client, 1);
    CHECK(down == 0);
    co_await ctx.spend(scene.work);
    const Value data = co_await recv_stream(ctx, scene, server, 0, 9'000);
    CHECK(data == 5'000);
    for (int i = 0; i < 2; ++i) {
      const Value end = co_await recv_stream(ctx, scene, server, 0, 9'000);
      CHECK(end == 0);
    }
    const Value answered = co_await send_stream(ctx, scene, server, 0, 3'000);
    CHECK(answered == 3'000);
    const Value answer = co_await recv_stream(ctx, scene, client, 0, 9'000);
    CHECK(answer == 3'000);
    const Value no_more = co_await send_stream(ctx, scene, client, 5'000, 10);
    CHECK(no_more == fail(Errno::epipe));
    CHECK(scene.socket(client).sigpipes() == 1);
    CHECK(scene.net.connections() == 2);
    co_await close_all(ctx, scene);
    co_await ctx.spend(scene.work);
    CHECK(scene.net.connections() == 0);
  });
}

TEST_CASE("closing delivers what was sent before the peer sees the end") {
  NetScene s;
  play(s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    co_await pair(ctx, scene);
    co_await send_stream(ctx, scene, scene.fds[1], 0, 30'000);
    co_await sys_close(ctx, scene.files, scene.fds[1]);
    co_await ctx.spend(scene.work);
    const Value data = co_await recv_stream(ctx, scene, scene.fds[2], 0, 60'000);
    CHECK(data == 30'000);
    const Value end = co_await recv_stream(ctx, scene, scene.fds[2], 0, 60'000);
    CHECK(end == 0);
    CHECK(scene.net.connections() == 2);  // until this end closes too
    co_await sys_close(ctx, scene.files, scene.fds[2]);
    co_await ctx.spend(scene.work);
    CHECK(scene.net.connections() == 0);
  });
}

TEST_CASE("closing with bytes unread resets: the peer's next call says ECONNRESET, once") {
  NetScene s;
  play(s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    co_await pair(ctx, scene);
    co_await send_stream(ctx, scene, scene.fds[1], 0, 5'000);
    co_await send_stream(ctx, scene, scene.fds[2], 0, 700);
    co_await ctx.spend(scene.work);
    co_await sys_close(ctx, scene.files, scene.fds[2]);
    co_await ctx.spend(scene.work);
    CHECK(scene.net.connections() == 0);
    const Value unread = co_await recv_stream(ctx, scene, scene.fds[1], 0, 9'000);
    CHECK(unread == 700);  // what had come before
    const Value lost = co_await recv_stream(ctx, scene, scene.fds[1], 700, 9'000);
    CHECK(lost == fail(Errno::econnreset));
    const Value end = co_await recv_stream(ctx, scene, scene.fds[1], 700, 9'000);
    CHECK(end == 0);
    const Value pipe = co_await send_stream(ctx, scene, scene.fds[1], 0, 10);
    CHECK(pipe == fail(Errno::epipe));
  });
  CHECK(s.rig.memory.pages_in_use() == s.pages_before);
}

TEST_CASE(
    "the first send after the peer has closed is answered by a reset, the second says EPIPE") {
  NetScene s;
  play(s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    co_await pair(ctx, scene);
    const int client = scene.fds[1];
    co_await sys_close(ctx, scene.files, scene.fds[2]);
    co_await ctx.spend(scene.work);
    const Value first = co_await send_stream(ctx, scene, client, 0, 1'000);
    CHECK(first == 1'000);
    co_await ctx.spend(scene.work);
    const Value second = co_await send_stream(ctx, scene, client, 1'000, 1'000);
    CHECK(second == fail(Errno::epipe));
    CHECK(scene.socket(client).sigpipes() == 0);  // that was the connection's error
    const Value third = co_await send_stream(ctx, scene, client, 1'000, 1'000);
    CHECK(third == fail(Errno::epipe));
    CHECK(scene.socket(client).sigpipes() == 1);
    CHECK(scene.net.connections() == 0);
  });
  CHECK(s.rig.memory.pages_in_use() == s.pages_before);
}

TEST_CASE("a reader and a writer that sleep are woken by the end of the connection") {
  NetScene s;
  play(s, [](Sleepable& ctx, NetScene& scene) -> Task<void> { co_await pair(ctx, scene); });
  s.rig.thread<NetScene>(0, s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    const Value lost = co_await recv_stream(ctx, scene, scene.fds[1], 0, 100);
    CHECK((lost == fail(Errno::econnreset) || lost == 0));
    ++scene.done;
  });
  s.rig.thread<NetScene>(1, s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    const Value some = co_await send_stream(ctx, scene, scene.fds[1], 0, 200'000);
    CHECK(some == 120'000);  // both buffers full, then the reset
    const Value lost = co_await send_stream(ctx, scene, scene.fds[1], 0, 10);
    CHECK((lost == fail(Errno::econnreset) || lost == fail(Errno::epipe)));
    ++scene.done;
  });
  s.rig.thread<NetScene>(0, s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    Cost later{1ms};
    co_await ctx.spend(later);
    co_await sys_close(ctx, scene.files, scene.fds[2]);
    ++scene.done;
  });
  s.rig.run();
  CHECK(s.done == 3);
}

TEST_CASE("SHUT_RD reads what is there, then the end; it tells the peer nothing") {
  NetScene s;
  play(s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    co_await pair(ctx, scene);
    const int client = scene.fds[1], server = scene.fds[2];
    co_await send_stream(ctx, scene, client, 0, 100);
    co_await ctx.spend(scene.work);
    co_await sys_shutdown(ctx, scene.files, server, 0);
    const Value data = co_await recv_stream(ctx, scene, server, 0, 1'000);
    CHECK(data == 100);
    const Value end = co_await recv_stream(ctx, scene, server, 100, 1'000);
    CHECK(end == 0);
    const Value sent = co_await send_stream(ctx, scene, client, 100, 50);
    CHECK(sent == 50);
    co_await ctx.spend(scene.work);
    const Value more = co_await recv_stream(ctx, scene, server, 100, 1'000);
    CHECK(more == 50);
  });
}

TEST_CASE("a file that ends elsewhere than in close has its socket closed all the same") {
  NetScene s;
  play(s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    co_await pair(ctx, scene);
    FilePtr held = *scene.files.get(scene.fds[2]);
    co_await sys_close(ctx, scene.files, scene.fds[2]);
    co_await ctx.spend(scene.work);
    CHECK(scene.net.connections() == 2);
    CHECK(scene.socket(scene.fds[1]).state() == SocketState::established);
    held = nullptr;  // as where an operation's end lets go of it
    const Value end = co_await recv_stream(ctx, scene, scene.fds[1], 0, 10);
    CHECK(end == 0);
  });
}
