// SPDX-License-Identifier: Apache-2.0
// Connections over the loopback device: how they begin, and what passes.
#include "model/kernel/socket/loopback.h"

#include "tests/model/kernel/socket/net_scene.h"

using namespace iodrome;
using namespace iodrome::kernel;

TEST_CASE("a connection is made through the softirq of the caller's CPU, and carries bytes") {
  NetScene s;
  play(s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    co_await pair(ctx, scene);
    CHECK(scene.net.connections() == 2);
    const Value sent = co_await send_stream(ctx, scene, scene.fds[1], 0, 10'000);
    CHECK(sent == 10'000);
    const Value got = co_await recv_stream(ctx, scene, scene.fds[2], 0, 6'000);
    CHECK(got == 6'000);
    const Value rest = co_await recv_stream(ctx, scene, scene.fds[2], 6'000, 6'000);
    CHECK(rest == 4'000);
    const Value back = co_await send_stream(ctx, scene, scene.fds[2], 0, 100);
    CHECK(back == 100);
    const Value answer = co_await recv_stream(ctx, scene, scene.fds[1], 0, 6'000);
    CHECK(answer == 100);
    CHECK(scene.socket(scene.fds[1]).bytes_unacknowledged() == 0);
    co_await close_all(ctx, scene);
  });
  CHECK(s.net.connections() == 0);
  CHECK(s.rig.memory.pages_in_use() == s.pages_before);
  CHECK(s.rig.spent(0, events::CpuClass::idle) + s.rig.spent(1, events::CpuClass::idle) >
        Duration{0});
}

TEST_CASE("payload goes by reference: the sender and the reader copy, nobody else") {
  NetScene s;
  play(s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    co_await pair(ctx, scene);
    co_await send_stream(ctx, scene, scene.fds[1], 0, 8'192);
    co_await ctx.spend(scene.work);  // the softirq strikes here
    CHECK(scene.rig.memory.pages_in_use() == scene.pages_before + 2);
    co_await recv_stream(ctx, scene, scene.fds[2], 0, 8'192);
    CHECK(scene.rig.memory.pages_in_use() == scene.pages_before);
  });
  CHECK(s.rig.probe.counters().bytes_copied_cpu == 2 * 8'192);
}

TEST_CASE("connect and accept cost what they cost, and every segment and frame its way") {
  NetScene s;
  KernelCosts& costs = s.rig.system.costs;
  play(s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    co_await pair(ctx, scene);
    co_await send_stream(ctx, scene, scene.fds[1], 0, 4'096);
    co_await ctx.spend(scene.work);
    co_await recv_stream(ctx, scene, scene.fds[2], 0, 4'096);
  });
  CHECK(costs.socket_call.count == 4);  // two sockets, bind, listen
  CHECK(costs.socket_connect.count == 1);
  CHECK(costs.socket_accept.count == 1);
  CHECK(costs.socket_recv.count == 1);
  CHECK(costs.segment_receive.count == 1);
  CHECK(costs.ack_receive.count == 4);   // SYN, SYN and ACK, ACK; the acknowledgement
  CHECK(costs.segment_xmit.count == 5);  // those and the segment
}

TEST_CASE("an accept that does not block says EAGAIN; one that does sleeps for the connection") {
  NetScene s;
  s.rig.thread<NetScene>(0, s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    const int listener = co_await listening(ctx, scene, 80);
    (*scene.files.get(listener))->nonblocking = true;
    const Value none = co_await sys_accept4(ctx, scene.files, listener);
    CHECK(none == fail(Errno::eagain));
    (*scene.files.get(listener))->nonblocking = false;
    const Value some = co_await sys_accept4(ctx, scene.files, listener, kSockNonblock);
    REQUIRE(some == 2);
    CHECK((*scene.files.get(2))->nonblocking);
    CHECK(ctx.now() == SimTime{} + 5us);
    ++scene.done;
  });
  s.rig.thread<NetScene>(1, s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    Cost before{5us};
    co_await ctx.spend(before);
    co_await connected(ctx, scene, 80);
    ++scene.done;
  });
  s.rig.run();
  CHECK(s.done == 2);
}

TEST_CASE("connecting to a port at which nobody listens is refused, and may be tried again") {
  NetScene s;
  play(s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    co_await sys_socket(ctx, scene.net, scene.files);
    const Value refused = co_await sys_connect(ctx, scene.files, 0, 80);
    CHECK(refused == fail(Errno::econnrefused));
    CHECK(scene.net.connections() == 0);
    co_await listening(ctx, scene, 80);
    const Value done = co_await sys_connect(ctx, scene.files, 0, 80);
    CHECK(done == 0);
    const Value again = co_await sys_connect(ctx, scene.files, 0, 80);
    CHECK(again == fail(Errno::eisconn));
  });
}

TEST_CASE("a connect that does not block says EINPROGRESS, then EALREADY, and the poll tells") {
  NetScene s;
  s.rig.system.costs.segment_xmit.each = s.rig.system.costs.ack_receive.each = 1us;
  play(s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    co_await listening(ctx, scene, 80);
    co_await sys_socket(ctx, scene.net, scene.files, kSockNonblock);
    const int epoll = scene.epoll();
    co_await add(ctx, scene, epoll, 1, kPollIn | kPollOut);
    ctx.cpu().disable_softirqs();
    const Value begun = co_await sys_connect(ctx, scene.files, 1, 80);
    CHECK(begun == fail(Errno::einprogress));
    const Value again = co_await sys_connect(ctx, scene.files, 1, 80);
    CHECK(again == fail(Errno::ealready));
    const std::string hanging = co_await wait_text(ctx, scene, epoll);
    CHECK(hanging.empty());
    ctx.cpu().enable_softirqs();
    const std::string connected = co_await wait_text(ctx, scene, epoll, -1s);
    CHECK(connected == "1o");
    const Value ended = co_await sys_connect(ctx, scene.files, 1, 80);
    CHECK(ended == fail(Errno::eisconn));
  });
}

TEST_CASE(
    "of a connect that did not block the poll tells the failure, and the next connect which") {
  NetScene s;
  play(s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    co_await sys_socket(ctx, scene.net, scene.files, kSockNonblock);
    const int epoll = scene.epoll();
    co_await sys_connect(ctx, scene.files, 0, 80);
    co_await ctx.spend(scene.work);
    co_await add(ctx, scene, epoll, 0, kPollOut);
    const std::string failed = co_await wait_text(ctx, scene, epoll);
    CHECK(failed == "0oeh");
    const Value why = co_await sys_connect(ctx, scene.files, 0, 80);
    CHECK(why == fail(Errno::econnrefused));
    const Value again = co_await sys_connect(ctx, scene.files, 0, 80);
    CHECK(again == fail(Errno::einprogress));
  });
}

TEST_CASE("a port is bound once, and free again when its last socket has gone") {
  NetScene s;
  play(s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    co_await listening(ctx, scene, 80);
    co_await sys_socket(ctx, scene.net, scene.files);
    const Value taken = co_await sys_bind(ctx, scene.files, 1, 80);
    CHECK(taken == fail(Errno::eaddrinuse));
    const Value other = co_await sys_bind(ctx, scene.files, 1, 81);
    CHECK(other == 0);
    const Value twice = co_await sys_bind(ctx, scene.files, 1, 82);
    CHECK(twice == fail(Errno::einval));
    const int client = co_await connected(ctx, scene, 80);
    CHECK(scene.socket(client).port() == Loopback::kFirstPort);
    const Value server = co_await sys_accept4(ctx, scene.files, 0);
    co_await sys_close(ctx, scene.files, 0);
    co_await sys_socket(ctx, scene.net, scene.files);
    const Value still = co_await sys_bind(ctx, scene.files, 0, 80);  // by the connection
    CHECK(still == fail(Errno::eaddrinuse));
    co_await sys_close(ctx, scene.files, client);
    co_await sys_close(ctx, scene.files, static_cast<int>(*server));
    co_await ctx.spend(scene.work);
    const Value free = co_await sys_bind(ctx, scene.files, 0, 80);
    CHECK(free == 0);
  });
}

TEST_CASE("calls on what is no socket, or not in that state, are refused as Linux refuses them") {
  NetScene s;
  play(s, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
    scene.eventfd();
    const Value no_socket = co_await sys_bind(ctx, scene.files, 0, 80);
    CHECK(no_socket == fail(Errno::enotsock));
    const Value nothing = co_await sys_listen(ctx, scene.files, 9, 1);
    CHECK(nothing == fail(Errno::ebadf));
    const Value flags = co_await sys_socket(ctx, scene.net, scene.files, 1);
    CHECK(flags == fail(Errno::einval));
    co_await sys_socket(ctx, scene.net, scene.files);
    const Value not_listening = co_await sys_accept4(ctx, scene.files, 1);
    CHECK(not_listening == fail(Errno::einval));
    const Value no_reader = co_await recv_stream(ctx, scene, 1, 0, 10);
    CHECK(no_reader == fail(Errno::enotconn));
    const Value no_writer = co_await send_stream(ctx, scene, 1, 0, 10);
    CHECK(no_writer == fail(Errno::epipe));
    CHECK(scene.socket(1).sigpipes() == 1);
    const Value no_end = co_await sys_shutdown(ctx, scene.files, 1, 1);
    CHECK(no_end == fail(Errno::enotconn));
    const int listener = co_await listening(ctx, scene, 80);
    const Value listens = co_await recv_stream(ctx, scene, listener, 0, 10);
    CHECK(listens == fail(Errno::enotconn));
    const Value connects = co_await sys_connect(ctx, scene.files, listener, 80);
    CHECK(connects == fail(Errno::eisconn));
    const int client = co_await connected(ctx, scene, 80);
    const Value hears = co_await sys_listen(ctx, scene.files, client, 1);
    CHECK(hears == fail(Errno::einval));
    const Value how = co_await sys_shutdown(ctx, scene.files, client, 3);
    CHECK(how == fail(Errno::einval));
  });
}
