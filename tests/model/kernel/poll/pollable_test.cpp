// SPDX-License-Identifier: Apache-2.0
// Sockets and pipes as epoll sees them.
#include "model/kernel/poll/pollable.h"

#include "tests/model/kernel/poll/scene.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

// A socket of 3 kB, whose segments nobody acknowledges by themselves.
struct Sending {
  struct Card final : NetDriver {
    Task<void> xmit(Atomic&, Segment&) override { return Task<void>::ready(); }
  };
  Task<void> send(Atomic& ctx, std::uint32_t bytes) {
    const PagePart part{PagePtr{new Page(scene.rig.memory)}, 0, bytes};
    const Result<std::uint64_t> taken = co_await socket.try_send(ctx, {&part, 1}, nullptr);
    CHECK(taken == bytes);
  }
  PollScene scene{2};
  Card card;
  SocketParams params{3000, 65536};
  Socket socket{scene.rig.system, card, params, 0};
};

Task<void> acknowledge(Atomic& ctx, Sending& s) {
  co_await s.socket.acknowledge(ctx,
                                s.socket.bytes_queued() - s.socket.bytes_unacknowledged() + 1000);
}

}  // namespace

TEST_CASE("a socket is writable while a third of its buffer is free, and tells when it is again") {
  Sending s;
  FilePtr file{new File};
  file->socket = &s.socket;
  s.scene.fds = {s.scene.epoll(), s.scene.install(std::move(file))};
  // Acknowledged to 1000, which leaves 1500 of 2500 in flight.
  s.scene.rig.irq_at(10us, 1, s.scene.rig.action(s, acknowledge));
  s.scene.rig.thread<Sending>(0, s, [](Sleepable& ctx, Sending& on) -> Task<void> {
    PollScene& scene = on.scene;
    co_await add(ctx, scene, 0, 1, kPollOut | kEpollEdge);
    const std::string empty = co_await wait_text(ctx, scene, 0);
    CHECK(empty == "1o");
    for (int i = 0; i < 5; ++i) co_await on.send(ctx, 500);
    co_await modify(ctx, scene, 0, 1, kPollOut | kEpollEdge);
    const std::string full = co_await wait_text(ctx, scene, 0);  // 500 are free
    CHECK(full.empty());
    const std::string room = co_await wait_text(ctx, scene, 0, -1s);
    CHECK(room == "1o");
    CHECK(ctx.now() == SimTime{} + 10us);
    ++scene.done;
  });
  s.scene.rig.run();
  CHECK(s.scene.done == 1);
}

TEST_CASE("acknowledgements wake nobody while no one has found the socket full") {
  Sending s;
  FilePtr file{new File};
  file->socket = &s.socket;
  s.scene.fds = {s.scene.epoll(), s.scene.install(std::move(file))};
  s.scene.rig.irq_at(10us, 1, s.scene.rig.action(s, acknowledge));
  s.scene.rig.thread<Sending>(0, s, [](Sleepable& ctx, Sending& on) -> Task<void> {
    co_await add(ctx, on.scene, 0, 1, kPollOut | kEpollEdge);
    co_await on.send(ctx, 1000);
    const std::string once = co_await wait_text(ctx, on.scene, 0);
    CHECK(once == "1o");
    const std::string no_edge = co_await wait_text(ctx, on.scene, 0, 50us);
    CHECK(no_edge.empty());
    ++on.scene.done;
  });
  s.scene.rig.run();
  CHECK(s.scene.done == 1);
  CHECK(s.scene.rig.system.costs.epoll_callback.count == 0);
  // The socket ends before the file that is watched, and the instance does not mind.
}

TEST_CASE(
    "of a pipe the reading end is ready while it holds something, the other while it has room") {
  PollScene s;
  Pipe pipe(2);
  const auto end_of = [&](bool reads) {
    FilePtr file{new File};
    file->pipe = &pipe;
    file->readable = reads;
    file->writable = !reads;
    return s.install(std::move(file));
  };
  struct Ends {
    PollScene& scene;
    Pipe& pipe;
  } ends{s, pipe};
  s.epoll();
  end_of(true);
  end_of(false);
  s.rig.thread<Ends>(0, ends, [](Sleepable& ctx, Ends& on) -> Task<void> {
    PollScene& scene = on.scene;
    co_await add(ctx, scene, 0, 1, kPollIn | kPollOut | kEpollEdge);
    co_await add(ctx, scene, 0, 2, kPollIn | kPollOut | kEpollEdge);
    const std::string empty = co_await wait_text(ctx, scene, 0);
    CHECK(empty == "2o");
    on.pipe.push({PagePtr{new Page(scene.rig.memory)}, 0, 100});
    co_await on.pipe.notify(ctx, kPollIn);
    const std::string some = co_await wait_text(ctx, scene, 0);
    CHECK(some == "1i");
    on.pipe.push({PagePtr{new Page(scene.rig.memory)}, 0, 100});
    co_await on.pipe.notify(ctx, kPollIn);
    co_await modify(ctx, scene, 0, 2, kPollOut | kEpollEdge);
    const std::string full = co_await wait_text(ctx, scene, 0);
    CHECK(full == "1i");
    on.pipe.consume(100);
    co_await on.pipe.notify(ctx, kPollOut);
    const std::string room = co_await wait_text(ctx, scene, 0);
    CHECK(room == "2o");
    ++scene.done;
  });
  s.rig.run();
  CHECK(s.done == 1);
  s.rig.end();
  for (const int fd : {1, 2}) (void)s.files.remove(fd);
}
