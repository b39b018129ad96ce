// SPDX-License-Identifier: Apache-2.0
// Streams under schedules that nobody has thought of: every byte once and in order, no reader,
// writer or acceptor left asleep, nothing left behind.
#include "model/explore/random_walk.h"
#include "tests/model/explore/no_failures.h"
#include "tests/model/kernel/socket/net_scene.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

using tests::NoFailures;

constexpr int kStreams = 2;
constexpr std::uint64_t kBytes = 9'000;

struct Flow : NetScene {
  Flow() : NetScene(3, {3'000, 1'000, 2'500}) {
    KernelCosts& costs = rig.system.costs;
    costs.segment_xmit.each = costs.segment_receive.each = costs.ack_receive.each = 70ns;
    costs.socket_page.each = costs.socket_recv.each = costs.softirq.each = 40ns;
    costs.try_to_wake_up.each = costs.context_switch.each = costs.syscall_entry.each = 30ns;
  }
  int listener = 0;
  bool polled = false;
  std::uint64_t most_held = 0;
  std::uint64_t dropped = 0;
};

std::uint64_t pick(Atomic& ctx, std::uint32_t options) {
  return ctx.system().timeline.choices().choose(Choice::order, options, "stream walk");
}

// A client: sends its stream in pieces, says that this was all, and waits for the other end.
Task<void> send_all(Sleepable& ctx, Flow& flow) {
  const int fd = co_await connected(ctx, flow, 80);
  for (std::uint64_t at = 0; at < kBytes;) {
    const std::uint64_t piece = std::min(kBytes - at, 1 + 1'700 * pick(ctx, 3));
    const Value sent = co_await send_stream(ctx, flow, fd, at, piece);
    CHECK(sent == static_cast<std::int64_t>(piece));
    at += piece;
  }
  const Value down = co_await sys_shutdown(ctx, flow.files, fd, 1);
  CHECK(down == 0);
  const Value end = co_await recv_stream(ctx, flow, fd, 0, 10);
  CHECK(end == 0);
  co_await sys_close(ctx, flow.files, fd);
  ++flow.done;
}

Task<void> serve(Sleepable& ctx, Flow& flow) {
  const Value accepted =
      co_await sys_accept4(ctx, flow.files, flow.listener, flow.polled ? kSockNonblock : 0);
  REQUIRE(accepted);
  const int fd = static_cast<int>(*accepted);
  int epoll = -1;
  if (flow.polled) {
    epoll = flow.epoll();
    co_await add(ctx, flow, epoll, fd, kPollIn | kEpollEdge);
  }
  std::uint64_t at = 0;
  for (Value got = 1; got != 0;) {
    got = co_await recv_stream(ctx, flow, fd, at, 1 + 1'300 * pick(ctx, 3));
    flow.most_held = std::max(flow.most_held, flow.socket(fd).bytes_held());
    if (got) {
      at += static_cast<std::uint64_t>(*got);
    } else {
      CHECK(got == fail(Errno::eagain));
      const std::string ready = co_await wait_text(ctx, flow, epoll, -1s);
      CHECK_FALSE(ready.empty());
    }
  }
  CHECK(at == kBytes);
  flow.dropped += flow.socket(fd).bytes_dropped();
  co_await sys_close(ctx, flow.files, fd);
  if (epoll >= 0) co_await sys_close(ctx, flow.files, epoll);
  ++flow.done;
}

}  // namespace

TEST_CASE("in any schedule every byte arrives once and in order, and nobody is left asleep") {
  std::uint64_t most_held = 0;
  for (const bool polled : {false, true}) {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
      explore::RandomWalk oracle(seed);
      NoFailures choices(oracle);
      Flow flow;
      flow.polled = polled;
      play(flow, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
        static_cast<Flow&>(scene).listener = co_await listening(ctx, scene, 80);
      });
      flow.rig.timeline.choices().ask(&choices);
      for (std::uint32_t i = 0; i < kStreams; ++i) {
        flow.rig.thread(i, flow, send_all);
        flow.rig.thread((i + 1) % 3, flow, serve);
      }
      flow.rig.run();
      flow.rig.timeline.choices().ask(nullptr);
      INFO("seed " << seed << (polled ? ", polled" : ""));
      CHECK(flow.done == 2 * kStreams);
      CHECK(flow.net.connections() == 0);
      CHECK(flow.dropped == 0);
      CHECK(flow.rig.memory.pages_in_use() == flow.pages_before);
      CHECK(flow.most_held <= 2'500);
      most_held = std::max(most_held, flow.most_held);
    }
  }
  CHECK(most_held > 2'000);  // windows were filled
}

namespace {

constexpr int kTurns = 30;

// So that a byte may come before, while or after its reader looks for it.
Task<void> think(Sleepable& ctx) {
  Cost thought{Duration{23ns} * static_cast<std::int64_t>(pick(ctx, 50))};
  co_await ctx.spend(thought);
}

Task<void> ask(Sleepable& ctx, Flow& flow) {
  const int fd = co_await connected(ctx, flow, 80);
  for (std::uint64_t turn = 0; turn < kTurns; ++turn) {
    co_await send_stream(ctx, flow, fd, turn, 1);
    co_await think(ctx);
    const Value answer = co_await recv_stream(ctx, flow, fd, turn, 10);
    CHECK(answer == 1);
  }
  ++flow.done;
}

Task<void> answer(Sleepable& ctx, Flow& flow) {
  const Value fd = co_await sys_accept4(ctx, flow.files, flow.listener);
  for (std::uint64_t turn = 0; turn < kTurns; ++turn) {
    const Value asked = co_await recv_stream(ctx, flow, static_cast<int>(*fd), turn, 10);
    CHECK(asked == 1);
    co_await send_stream(ctx, flow, static_cast<int>(*fd), turn, 1);
    co_await think(ctx);
  }
  ++flow.done;
}

}  // namespace

TEST_CASE("where each byte is waited for before the next one is sent, no wake-up is lost") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    explore::RandomWalk oracle(seed);
    NoFailures choices(oracle);
    Flow flow;
    play(flow, [](Sleepable& ctx, NetScene& scene) -> Task<void> {
      static_cast<Flow&>(scene).listener = co_await listening(ctx, scene, 80);
    });
    flow.rig.timeline.choices().ask(&choices);
    flow.rig.thread(0, flow, ask);
    flow.rig.thread(1, flow, answer);
    flow.rig.run();
    flow.rig.timeline.choices().ask(nullptr);
    INFO("seed " << seed);
    CHECK(flow.done == 2);
  }
}
