// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/socket/socket.h"

#include "model/kernel/vfs/file_ops.h"
#include "tests/model/kernel/disk.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

// Remembers what it was given; a test acknowledges.
struct TestNet final : NetDriver {
  Task<void> xmit(Atomic&, Segment& segment) override {
    sent.push_back({segment.stream_offset, segment.bytes});
    co_return;
  }
  Task<void> xmit_frame(Atomic&, Socket&, StreamHeader header) override {
    frames.push_back(header);
    co_return;
  }
  std::vector<std::pair<std::uint64_t, std::uint32_t>> sent;
  std::vector<StreamHeader> frames;
};

// A wait that notes when it is ready.
struct NotedWait : IoWait {
  NotedWait() : IoWait(&NotedWait::note) {}
  static Task<void> note(Atomic&, IoWait& self) {
    ++static_cast<NotedWait&>(self).times_ready;
    co_return;
  }
  int times_ready = 0;
};

using Segments = std::vector<std::pair<std::uint64_t, std::uint32_t>>;

struct Scene : DiskRig {
  TestNet net;
  SocketParams params{90'000, 20'000, 10'000};
  Socket socket{rig.system, net, params, 5};
  NotedWait wait;
  FilePtr socket_file{new File};
  FilePtr source;
  Result<std::int64_t> result = 0;
  std::uint64_t acked = 0;

  std::vector<PagePart> parts(std::size_t count, std::uint32_t bytes) {
    std::vector<PagePart> all;
    for (std::size_t i = 0; i < count; ++i)
      all.push_back({PagePtr{new Page(rig.memory)}, 0, bytes});
    return all;
  }
  // A frame of the peer's; `bytes` of payload.
  Task<void> arrive(Atomic& ctx, std::uint64_t offset, std::uint32_t bytes, bool fin = false) {
    StreamHeader header{.ack = true, .fin = fin, .offset = offset};
    PageParts payload;
    if (bytes != 0) payload.push_back({PagePtr{new Page(rig.memory)}, 0, bytes});
    co_await socket.receive(ctx, header, std::move(payload));
  }
  // Receives; the bytes, or minus the errno.
  Task<std::int64_t> take(Atomic& ctx, std::uint64_t most, IoWait* on = nullptr) {
    const std::vector<hw::PhysAddr> user = pages(3);
    const Result<std::uint64_t> got = co_await socket.try_recv(ctx, user, most, on);
    for (const hw::PhysAddr page : user) rig.memory.free_page(page);
    co_return as_return_value(got);
  }
  // Runs code that only tests the socket, in an interrupt.
  void in_irq(Handler<Scene> code) {
    rig.irq_at(rig.now() + 1us, 0, rig.action<Scene>(*this, code));
    rig.run();
  }
};

}  // namespace

TEST_CASE("a socket takes what fits its send buffer, in segments of bounded size") {
  Scene s;
  s.in_irq([](Atomic& ctx, Scene& scene) -> Task<void> {
    const std::vector<PagePart> parts = scene.parts(30, 4'000);
    const Result<std::uint64_t> taken = co_await scene.socket.try_send(ctx, parts, nullptr);
    CHECK(taken == 90'000);
  });
  CHECK(s.net.sent ==
        Segments{
            {0, 20'000}, {20'000, 20'000}, {40'000, 20'000}, {60'000, 20'000}, {80'000, 10'000}});
  CHECK(s.socket.bytes_queued() == 90'000);
  CHECK_FALSE(s.socket.has_room());
}

TEST_CASE("a full socket says EAGAIN and wakes the sender when a third is free, not before") {
  Scene s;
  s.in_irq([](Atomic& ctx, Scene& scene) -> Task<void> {
    const std::vector<PagePart> parts = scene.parts(25, 4'000);
    co_await scene.socket.try_send(ctx, parts, &scene.wait);
    CHECK(scene.wait.pending == 0);  // something was taken: nothing to wait for
    const Result<std::uint64_t> none = co_await scene.socket.try_send(ctx, parts, &scene.wait);
    CHECK(none == fail(Errno::eagain));
    CHECK(scene.wait.pending == 1);
    co_await scene.socket.acknowledge(ctx, 29'999);
    CHECK(scene.wait.times_ready == 0);
    co_await scene.socket.acknowledge(ctx, 30'000);
    CHECK(scene.wait.times_ready == 1);
    co_await scene.socket.acknowledge(ctx, 90'000);
    CHECK(scene.wait.times_ready == 1);
  });
}

TEST_CASE("a refusal without a wait arms nothing") {
  Scene s;
  s.in_irq([](Atomic& ctx, Scene& scene) -> Task<void> {
    const std::vector<PagePart> parts = scene.parts(25, 4'000);
    co_await scene.socket.try_send(ctx, parts, nullptr);
    const Result<std::uint64_t> none = co_await scene.socket.try_send(ctx, parts, nullptr);
    CHECK(none == fail(Errno::eagain));
    co_await scene.socket.acknowledge(ctx, 90'000);
    CHECK(scene.wait.times_ready == 0);
  });
}

TEST_CASE("acknowledged segments give their pages back, the others keep them") {
  Scene s;
  s.in_irq([](Atomic& ctx, Scene& scene) -> Task<void> {
    {
      const std::vector<PagePart> parts = scene.parts(20, 4'000);
      co_await scene.socket.try_send(ctx, parts, nullptr);
    }
    CHECK(scene.rig.memory.pages_in_use() == 20);
    co_await scene.socket.acknowledge(ctx, 19'999);  // the first segment is not whole yet
    CHECK(scene.rig.memory.pages_in_use() == 20);
    co_await scene.socket.acknowledge(ctx, 41'000);
    CHECK(scene.rig.memory.pages_in_use() == 10);
    CHECK(scene.socket.bytes_unacknowledged() == 39'000);
    co_await scene.socket.acknowledge(ctx, 40'000);  // old news
    CHECK(scene.socket.bytes_unacknowledged() == 39'000);
    co_await scene.socket.acknowledge(ctx, 80'000);
    CHECK(scene.rig.memory.pages_in_use() == 0);
  });
}

TEST_CASE("an acknowledgement of bytes that were never sent is an internal error") {
  Scene s;
  s.rig.irq_at(1us, 0, s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
    co_await scene.socket.acknowledge(ctx, 1);
  }));
  CHECK_THROWS_AS(s.rig.timeline.run(), InternalError);
}

TEST_CASE("sendfile sends the file by reference and sleeps while there is no room") {
  Scene s;
  s.socket_file->socket = &s.socket;
  Inode& inode = s.file("/f", 250'000);
  s.source = s.open(inode);
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    scene.result = co_await sendfile_blocking(ctx, scene.os, scene.socket_file, scene.source, 1'000,
                                              1'000'000);
  });
  IrqAction& acknowledges = s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
    CHECK(scene.socket.bytes_unacknowledged() <= 90'000);
    co_await scene.socket.acknowledge(ctx, scene.socket.bytes_queued());
  });
  for (int i = 1; i < 20; ++i) s.rig.irq_at(1ms * i, 0, acknowledges);
  s.rig.run();
  CHECK(s.result == 249'000);
  CHECK(s.socket.bytes_queued() == 249'000);
  CHECK(s.rig.probe.counters().bytes_copied_cpu == 0);
  std::uint64_t at = 0;
  for (const auto& [offset, bytes] : s.net.sent) {
    CHECK(offset == at);
    at += bytes;
  }
  s.rig.end();
}

TEST_CASE("sendfile to a socket that does not block sleeps for pages alone and tells what went") {
  Scene s;
  s.socket_file->socket = &s.socket;
  s.socket_file->nonblocking = true;
  Inode& inode = s.file("/f", 250'000);
  s.source = s.open(inode);
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    const auto send = [&](std::uint64_t offset) {
      return sendfile_blocking(ctx, scene.os, scene.socket_file, scene.source, offset, 1'000'000);
    };
    const Result<std::int64_t> first = co_await send(0);
    CHECK(first == 90'000);
    CHECK(ctx.thread().blocked_total > Duration{0});  // the file was cold
    const Duration blocked = ctx.thread().blocked_total;
    const Result<std::int64_t> none = co_await send(90'000);
    CHECK(none == fail(Errno::eagain));
    co_await scene.socket.acknowledge(ctx, 90'000);  // finds nobody who waits
    const Result<std::int64_t> more = co_await send(90'000);
    CHECK(more == 90'000);
    co_await scene.socket.acknowledge(ctx, 180'000);
    const Result<std::int64_t> rest = co_await send(180'000);
    CHECK(rest == 70'000);
    const Result<std::int64_t> end = co_await send(250'000);
    CHECK(end == 0);
    scene.result = (ctx.thread().blocked_total - blocked).count();
  });
  s.rig.run();
  CHECK(s.socket.bytes_queued() == 250'000);
  s.rig.end();
}

TEST_CASE("send copies user memory, and only as much as there is room for") {
  Scene s;
  s.socket_file->socket = &s.socket;
  const std::vector<hw::PhysAddr> user = s.pages(30);
  struct Both {
    Scene& scene;
    const std::vector<hw::PhysAddr>& user;
  } both{s, user};
  s.rig.thread<Both>(0, both, [](Sleepable& ctx, Both& state) -> Task<void> {
    state.scene.result =
        co_await send_blocking(ctx, state.scene.os, state.scene.socket_file, state.user, 100'000);
  });
  s.rig.run();
  CHECK(s.socket.bytes_queued() == 90'000);  // asleep with the rest
  s.in_irq([](Atomic& ctx, Scene& scene) -> Task<void> {
    co_await scene.socket.acknowledge(ctx, 90'000);
  });
  CHECK(s.result == 100'000);
  CHECK(s.socket.bytes_queued() == 100'000);
  s.rig.end();
}

TEST_CASE("what arrives early waits for what is before it, and counts for the buffer meanwhile") {
  Scene s;
  s.in_irq([](Atomic& ctx, Scene& scene) -> Task<void> {
    CHECK(scene.socket.open_window() == 10'000);
    const std::int64_t nothing = co_await scene.take(ctx, 9'000, &scene.wait);
    CHECK(nothing == -static_cast<std::int64_t>(Errno::eagain));
    co_await scene.arrive(ctx, 3'000, 1'000);
    CHECK(scene.wait.times_ready == 0);
    CHECK(scene.socket.bytes_received() == 0);
    CHECK(scene.socket.bytes_held() == 1'000);
    CHECK(scene.net.frames.back().acknowledged == 0);
    CHECK(scene.net.frames.back().window_end == 10'000);
    co_await scene.arrive(ctx, 0, 3'000);
    CHECK(scene.wait.times_ready == 1);
    CHECK(scene.net.frames.back().acknowledged == 4'000);
    CHECK(scene.net.frames.back().window_end == 10'000);
    const std::int64_t all = co_await scene.take(ctx, 9'000);
    CHECK(all == 4'000);
  });
  CHECK(s.rig.memory.pages_in_use() == 0);
}

TEST_CASE("what is known already, or lies beyond the window, is dropped and acknowledged again") {
  Scene s;
  s.in_irq([](Atomic& ctx, Scene& scene) -> Task<void> {
    scene.socket.open_window();
    co_await scene.arrive(ctx, 0, 4'000);
    co_await scene.arrive(ctx, 0, 4'000);
    co_await scene.arrive(ctx, 8'000, 4'000);
    CHECK(scene.net.frames.size() == 3);
    CHECK(scene.net.frames.back().acknowledged == 4'000);
    CHECK(scene.socket.bytes_dropped() == 8'000);
    CHECK(scene.socket.bytes_held() == 4'000);
  });
}

TEST_CASE("an end that arrives before the last bytes waits for them") {
  Scene s;
  s.in_irq([](Atomic& ctx, Scene& scene) -> Task<void> {
    scene.socket.open_window();
    co_await scene.arrive(ctx, 2'000, 0, true);
    const std::int64_t nothing = co_await scene.take(ctx, 9'000, &scene.wait);
    CHECK(nothing == -static_cast<std::int64_t>(Errno::eagain));
    co_await scene.arrive(ctx, 0, 2'000);
    CHECK(scene.wait.times_ready == 1);
    CHECK(scene.net.frames.back().acknowledged == 2'001);  // the end counts as one
    const std::int64_t data = co_await scene.take(ctx, 9'000);
    CHECK(data == 2'000);
    const std::int64_t end = co_await scene.take(ctx, 9'000);
    CHECK(end == 0);
  });
}

TEST_CASE("a byte that comes at the instant at which a reader looks is seen, or wakes it") {
  // The reader looks and arms in one go; what comes at that instant comes before or after.
  for (const bool first : {false, true}) {
    Scene s;
    s.socket.open_window();
    const auto data = [](Atomic& ctx, Scene& scene) -> Task<void> {
      co_await scene.arrive(ctx, 0, 100);
    };
    const auto reader = [](Atomic& ctx, Scene& scene) -> Task<void> {
      const std::int64_t got = co_await scene.take(ctx, 100, &scene.wait);
      CHECK(got == (scene.wait.pending == 0 ? 100 : -static_cast<std::int64_t>(Errno::eagain)));
      scene.acked = got > 0 ? 1 : 2;
    };
    s.rig.irq_at(1us, 0, s.rig.action<Scene>(s, first ? +data : +reader));
    s.rig.irq_at(1us, 0, s.rig.action<Scene>(s, first ? +reader : +data));
    s.rig.run();
    CHECK(s.acked == (first ? 1 : 2));
    CHECK(s.wait.times_ready == (first ? 0 : 1));
  }
}
