// SPDX-License-Identifier: Apache-2.0
// Loops by themselves: sends that wait while somebody closes their socket.
#include "model/designs/epoll_threads/event_loop.h"

#include "tests/model/kernel/disk.h"

namespace iodrome::designs::epoll_threads {
namespace {

using namespace kernel;
using chain::Op;

struct Never final : WakeCondition {
  bool holds() const override { return false; }
  bool possible() const override { return false; }
};

struct Silent final : NetDriver {
  Task<void> xmit(Atomic&, Segment&) override { co_return; }
};

EpollParams params_of(bool edge) {
  EpollParams params;
  params.threads = 1;
  params.max_queue = params.events = 8;
  params.edge = edge;
  params.pool_sends = false;
  return params;
}

struct Scene : DiskRig {
  explicit Scene(bool edge) : DiskRig(2), params(params_of(edge)) {
    source = *process.files.install(open(file("/f", kBytes)));
    socket_fd = connect(first);
  }
  ~Scene() {
    rig.end();
    process.files = FileTable(0);
  }
  int connect(Socket& socket) {
    FilePtr opened{new File};
    opened->socket = &socket;
    return *process.files.install(std::move(opened));
  }
  chain::ChainRun& run(const chain::Step& step) {
    chain::ChainRun& added = runs.emplace_back();
    added.slot = static_cast<std::uint32_t>(runs.size() - 1);
    added.chain.steps.push_back(step);
    added.start(rig.timeline.now());
    added.course.start(added.chain, added.results.data());
    added.current = static_cast<std::uint16_t>(*added.course.next());
    return added;
  }
  chain::ChainRun& send() {
    return run({.op = Op::send, .fd = source, .to_fd = socket_fd, .bytes = kBytes});
  }

  static constexpr std::uint64_t kBytes = 60'000;  // three buffers full
  Process process{16};
  EpollParams params;
  EpollCosts costs;
  EpollEngine engine{os, process, params};
  EventLoop loop{engine, costs};
  EventLoop other{engine, costs};
  Silent net;
  SocketParams sizes{20'000, 20'000, 10'000};
  Socket first{rig.system, net, sizes, 0};
  Socket second{rig.system, net, sizes, 1};
  std::deque<chain::ChainRun> runs;
  int source = -1;
  int socket_fd = -1;
  bool over = false;
};

// Closes the socket by the other loop, under a send that waits there and one behind it.
Task<void> close_under_sends(Sleepable& ctx, Scene& s) {
  const Never never;
  for (int i = 0; i < 2; ++i) co_await s.loop.queue(ctx, s.send());
  co_await s.loop.submit(ctx);
  CHECK(s.engine.counts.send_waits == 1);
  const Result<std::int64_t> closed =
      co_await s.other.call(ctx, s.run({.op = Op::close, .fd = s.socket_fd}));
  CHECK(closed == 0);
  for (std::size_t ended = 0; ended < 2;) {
    const Finished finished = co_await s.loop.reap(ctx);
    if (finished.run == nullptr) {
      co_await s.loop.wait(ctx, never);
      continue;
    }
    CHECK(finished.run->results[0] == -static_cast<std::int64_t>(Errno::ebadf));
    ++ended;
  }
}

Task<void> close_and_send_again(Sleepable& ctx, Scene& s) {
  const Never never;
  co_await close_under_sends(ctx, s);
  CHECK(s.connect(s.second) == s.socket_fd);
  const chain::ChainRun& again = s.send();
  co_await s.loop.queue(ctx, s.runs.back());
  co_await s.loop.submit(ctx);
  Finished finished;
  while (finished.run == nullptr) {
    co_await s.loop.wait(ctx, never);
    finished = co_await s.loop.reap(ctx);
  }
  CHECK(finished.run == &again);
  CHECK(again.results[0] == static_cast<std::int64_t>(Scene::kBytes));
  s.over = true;
}

// The second connection's peer.
Task<void> acknowledge(Sleepable& ctx, Scene& s) {
  for (int i = 0; i < 50 && !s.over; ++i) {
    co_await ctx.spend(Duration{20us});
    co_await s.second.acknowledge(ctx, s.second.bytes_queued());
  }
}

}  // namespace

TEST_CASE("sends that wait for room end with EBADF when another loop closes their socket") {
  for (const bool edge : {false, true}) {
    CAPTURE(edge);
    Scene s(edge);
    play_in<Scene>(s, close_under_sends);
  }
}

TEST_CASE("what has a closed socket's number next is watched anew") {
  for (const bool edge : {false, true}) {
    CAPTURE(edge);
    Scene s(edge);
    s.rig.thread<Scene>(1, s, acknowledge);
    play_in<Scene>(s, close_and_send_again);
  }
}

}  // namespace iodrome::designs::epoll_threads
