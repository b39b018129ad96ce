// SPDX-License-Identifier: Apache-2.0
// Transfers in the kernel's threads, over a disk of constant latency.
#include "model/designs/kevent/transfer.h"

#include <numeric>

#include "model/kernel/vfs/name_ops.h"
#include "tests/model/kernel/disk.h"

using namespace iodrome;
using namespace iodrome::kernel;
using namespace iodrome::designs::kevent;

namespace {

// Keeps the bytes it was given; acknowledges them when a test says so.
struct TestNet final : NetDriver {
  Task<void> xmit(Atomic&, Segment& segment) override {
    for (const PagePart& part : segment.parts) {
      const auto from =
          segment.socket->system().memory.bytes(part.page->address + part.offset, part.bytes);
      bytes.insert(bytes.end(), from.begin(), from.end());
    }
    ++segments;
    co_return;
  }
  Task<void> xmit_frame(Atomic&, Socket&, StreamHeader) override { co_return; }
  std::vector<std::byte> bytes;
  std::size_t segments = 0;
};

struct Scene : DiskRig {
  explicit Scene(std::uint32_t thread_count = 2)
      : DiskRig(2, 64), threads(rig.system, thread_count) {
    disk.irq_cpu = 1;
    disk.latency = 100us;
    cache.params = {8 << 20, 16'384, 65'536};  // bios of 16 pages
    CHECK(queue.init(&ring, 8) == Errno::ok);
    for (Socket* socket : {&first, &second}) {
      FilePtr opened{new File};
      opened->socket = socket;
      sockets.push_back(*table.install(opened));
    }
  }
  ~Scene() { rig.end(); }
  SendRequest send(const std::string& name, std::uint64_t offset, std::uint64_t count,
                   std::size_t to = 0) {
    Inode& inode = **files.lookup(name);
    return {.socket_fd = sockets[to],
            .file_fd = *table.install(open(inode)),
            .offset = offset,
            .count = count,
            .user = 7};
  }
  // The next event; sleeps for it.
  Task<Ukevent> event(Sleepable& ctx) {
    const Result<std::int64_t> moved = co_await queue.wait(ctx, 1, queue.uidx(), kNever);
    CHECK(moved == 1);
    const Ukevent got = ring.event[queue.uidx()];
    co_await queue.commit(ctx, (queue.uidx() + 1) % 8, ring.ring_over);
    co_return got;
  }
  bool sent(const TestNet& to, const std::string& name, std::uint64_t offset, std::uint64_t count) {
    const Inode& inode = **files.lookup(name);
    if (to.bytes.size() != count) return false;
    for (std::uint64_t at = 0; at < count;) {
      const std::uint64_t piece = std::min(count - at, kPage - (offset + at) % kPage);
      if (!content_matches(inode.number, offset + at, std::span(to.bytes).subspan(at, piece)))
        return false;
      at += piece;
    }
    return true;
  }

  KeventCosts costs;
  WaitQueue sleepers{"kevent"};
  KeventRing ring{8};
  TestNet net, other_net;
  SocketParams params{16 << 20, 65'536, 10'000};
  SocketParams small{65'536, 65'536, 10'000};
  Socket first{rig.system, net, params, 1};
  Socket second{rig.system, other_net, small, 2};
  FileTable table{16};
  KeventQueue queue{rig.system, costs, sleepers};
  KaioThreads threads;
  AioSendfile calls{os, table, threads, costs, 128};
  std::vector<int> sockets;
  std::string path = "/f";
};

}  // namespace

TEST_CASE(
    "a window is doubled by a pass that sends, halved by another one, and is 8 again from 0") {
  ReadWindow window(128);
  window.pass(true);
  CHECK(window.limit() == 256);
  for (const std::uint64_t left : {128, 64, 32, 16, 8, 4, 2, 1, 0, 0}) {
    window.pass(false);
    CHECK(window.limit() == left);
  }
  window.pass(true);
  CHECK(window.limit() == 8);
  window.pass(true);
  CHECK(window.limit() == 16);
}

TEST_CASE("reads that were waited for widen the window, those that end beside them narrow it") {
  Scene s;
  s.file(s.path, 4 << 20);
  AioSendfile calls(s.os, s.table, s.threads, s.costs, 32);
  struct Whole {
    Scene& scene;
    AioSendfile& calls;
    std::vector<std::size_t> bios;  // that each turn of the disk was given, of 16 pages
  } whole{s, calls, {}};
  for (int turn = 0; turn < 3; ++turn)
    s.rig.at(100us * turn + 50us, [&whole] {
      const std::size_t all = whole.scene.disk.issued.size();
      whole.bios.push_back(all - std::accumulate(whole.bios.begin(), whole.bios.end(), 0UL));
    });
  s.rig.thread<Whole>(0, whole, [](Sleepable& ctx, Whole& all) -> Task<void> {
    const SendRequest request = all.scene.send(all.scene.path, 0, 4 << 20);
    for (const bool cached : {false, true}) {
      all.scene.net.bytes.clear();
      all.scene.net.segments = 0;
      co_await all.calls.sendfile(ctx, all.scene.queue, request);
      const Ukevent event = co_await all.scene.event(ctx);
      CHECK(event.ret_number() == 4 << 20);
      CHECK(all.scene.sent(all.scene.net, all.scene.path, 0, 4 << 20));
      if (cached) CHECK(all.scene.net.segments == 64);  // pages that follow one another share one
      co_await all.scene.first.acknowledge(ctx, all.scene.first.bytes_queued());
    }
  });
  s.rig.run();
  // Nothing can be sent at first: 32 / 2 pages. Then 32; then 64, and 32 for the second of the two
  // that have ended.
  CHECK(whole.bios == std::vector<std::size_t>{1, 2, 4 + 2});
}

TEST_CASE("every byte goes once and in order, whatever the offset, the window and the cache") {
  for (const std::uint64_t offset : {0, 512, 5'000})
    for (const std::int64_t capacity : {8 << 20, 64 << 10, 4 << 10})
      for (const std::uint64_t window : {1, 3, 128}) {
        CAPTURE(offset, capacity, window);
        Scene s;
        s.file(s.path, 300'001);
        s.cache.params.capacity_bytes = capacity;
        AioSendfile calls(s.os, s.table, s.threads, s.costs, window);
        struct Whole {
          Scene& scene;
          AioSendfile& calls;
          std::uint64_t offset;
        } whole{s, calls, offset};
        s.rig.thread<Whole>(0, whole, [](Sleepable& ctx, Whole& all) -> Task<void> {
          const SendRequest request = all.scene.send(all.scene.path, all.offset, 250'000);
          co_await all.calls.sendfile(ctx, all.scene.queue, request);
          const Ukevent event = co_await all.scene.event(ctx);
          CHECK(event.ret_number() == all.offset + 250'000);
          CHECK(event.user == 7);
        });
        s.rig.run();
        CHECK(s.sent(s.net, s.path, offset, 250'000));
      }
}

TEST_CASE("what lies past the end of the file is not sent, and the event tells where that was") {
  Scene s;
  s.file(s.path, 5'000);
  play_in<Scene>(s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    const SendRequest over = scene.send(scene.path, 1'000, 1 << 20);
    co_await scene.calls.sendfile(ctx, scene.queue, over);
    const Ukevent event = co_await scene.event(ctx);
    CHECK(event.ret_number() == 5'000);
    const SendRequest past = scene.send(scene.path, 9'000, 100);
    co_await scene.calls.sendfile(ctx, scene.queue, past);
    const Ukevent nothing = co_await scene.event(ctx);
    CHECK(nothing.ret_number() == 9'000);
    CHECK(nothing.ret_flags == kDone);
  });
  CHECK(s.sent(s.net, s.path, 1'000, 4'000));
}

TEST_CASE("a page that is not in memory does not hold the caller, an inode that is not does") {
  Scene s;
  s.file("/cold", 100'000, Inode::Metadata::cold);
  s.file(s.path, 100'000);
  play_in<Scene>(s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    SleepTimes causes;
    ctx.thread().sleep_times = &causes;
    SendRequest request = scene.send(scene.path, 0, 100'000);
    co_await scene.calls.sendfile(ctx, scene.queue, request);
    CHECK(ctx.thread().blocked_total == Duration{0});
    const std::string known = scene.path, cold = "/cold";
    request.path = &known;
    const Result<std::int64_t> warm = co_await scene.calls.sendfile_path(ctx, scene.queue, request);
    CHECK(warm.has_value());
    CHECK(ctx.thread().blocked_total == Duration{0});
    request.path = &cold;
    const Result<std::int64_t> fd = co_await scene.calls.sendfile_path(ctx, scene.queue, request);
    CHECK(ctx.thread().blocked_total == 100us);
    REQUIRE(causes.by_cause().size() == 1);
    CHECK(causes.by_cause()[0].first == "inode");
    // The descriptor is there before the transfer has ended, and may be closed before.
    const Result<std::int64_t> closed =
        co_await close_file(ctx, scene.table, static_cast<int>(*fd));
    CHECK(closed == 0);
    ctx.thread().sleep_times = nullptr;
    for (int i = 0; i < 3; ++i) co_await scene.event(ctx);
  });
  CHECK(s.net.bytes.size() == 300'000);
}

TEST_CASE("a page that cannot be read ends a transfer with a broken event that has the errno") {
  Scene s;
  Inode& inode = s.file(s.path, 300'000);
  s.disk.broken = {inode.first_sector + 32 * 8};  // the third bio
  play_in<Scene>(s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    const SendRequest request = scene.send(scene.path, 0, 300'000);
    co_await scene.calls.sendfile(ctx, scene.queue, request);
    const Ukevent event = co_await scene.event(ctx);
    CHECK(event.ret_flags == (kDone | kBroken));
    CHECK(event.ret_data[1] == static_cast<std::uint32_t>(Errno::eio));
  });
  CHECK(s.sent(s.net, s.path, 0, 32 * kPage));  // what went before went
}

TEST_CASE("what is no socket, no file or no regular file is refused, and nothing is left behind") {
  Scene s;
  s.file(s.path, 5'000);
  play_in<Scene>(s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    SendRequest request = scene.send(scene.path, 0, 100);
    const std::size_t open_before = scene.table.open_count();
    const int socket = std::exchange(request.socket_fd, 12'345);
    request.path = &scene.path;
    const Result<std::int64_t> nowhere = co_await scene.calls.sendfile(ctx, scene.queue, request);
    CHECK(nowhere == fail(Errno::ebadf));
    const Result<std::int64_t> path = co_await scene.calls.sendfile_path(ctx, scene.queue, request);
    CHECK(path == fail(Errno::ebadf));
    request.socket_fd = socket;
    request.file_fd = socket;
    const Result<std::int64_t> no_file = co_await scene.calls.sendfile(ctx, scene.queue, request);
    CHECK(no_file == fail(Errno::ebadf));
    const std::string root = "/";
    const Result<FilePtr> names_of_root = co_await open_file(ctx, scene.os, root, kOpenDirectory);
    request.file_fd = *scene.table.install(*names_of_root);
    const Result<std::int64_t> names = co_await scene.calls.sendfile(ctx, scene.queue, request);
    CHECK(names == fail(Errno::einval));
    CHECK(scene.table.open_count() == open_before + 1);
    CHECK(scene.queue.kevents() == 0);
  });
}

TEST_CASE("a client that does not read holds one thread of the pool, and what is behind it there") {
  Scene s(2);
  s.file(s.path, 200'000);
  play_in<Scene>(s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    // Threads in turn: the first and the third transfer share one.
    for (const std::size_t to : {1, 0, 0}) {
      const SendRequest request = scene.send(scene.path, 0, 200'000, to);
      co_await scene.calls.sendfile(ctx, scene.queue, request);
    }
    CHECK(ctx.thread().blocked_total == Duration{0});
    const Ukevent other = co_await scene.event(ctx);
    CHECK(other.ret_number() == 200'000);
    const Result<std::int64_t> stuck =
        co_await scene.queue.wait(ctx, 1, scene.queue.uidx(), ctx.now() + 10ms);
    CHECK(stuck == 0);
    CHECK(scene.other_net.bytes.size() == 65'536);
    CHECK(scene.net.bytes.size() == 200'000);
  });
  Action<Scene> acknowledge(
      [](Atomic& ctx, Scene& scene) -> Task<void> {
        co_await scene.second.acknowledge(ctx, scene.second.bytes_queued());
      },
      s);
  for (int i = 0; i < 4; ++i) {
    s.rig.irq_at(s.rig.now() + 1us, 1, acknowledge);
    s.rig.run();
  }
  CHECK(s.sent(s.other_net, s.path, 0, 200'000));
  CHECK(s.net.bytes.size() == 400'000);
  CHECK(s.queue.ready_count() == 2);
}

TEST_CASE("pages that are dropped before they were sent are read again, whoever does it") {
  for (const bool by_another : {false, true}) {
    CAPTURE(by_another);
    Scene s;
    s.file(s.path, 200'000);
    s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
      const SendRequest request = scene.send(scene.path, 0, 200'000, 1);
      co_await scene.calls.sendfile(ctx, scene.queue, request);
    });
    s.rig.run();  // up to a full send buffer, with all pages read
    CHECK(s.other_net.bytes.size() == 65'536);
    const std::size_t issued = s.disk.issued.size();
    CHECK(s.cache.shrink(1'000) == 17);  // all but those in the socket and at the sender
    struct Acknowledge {
      Scene& scene;
      bool by_another;
    } acknowledge{s, by_another};
    Action<Acknowledge> action(
        [](Atomic& ctx, Acknowledge& all) -> Task<void> {
          Scene& scene = all.scene;
          HeldPages held;
          Inode& inode = **scene.files.lookup(scene.path);
          if (all.by_another) co_await scene.cache.read_pages(ctx, inode, 32, 17, nullptr, held);
          co_await scene.second.acknowledge(ctx, scene.second.bytes_queued());
        },
        acknowledge);
    for (int i = 0; i < 4; ++i) {
      s.rig.irq_at(s.rig.now() + 1us, 1, action);
      s.rig.run();
    }
    CHECK(s.queue.ready_count() == 1);
    CHECK(s.sent(s.other_net, s.path, 0, 200'000));
    CHECK(s.disk.issued.size() > issued);
  }
}

TEST_CASE("a connection that is gone ends its transfer with a broken event") {
  Scene s;
  s.file(s.path, 200'000);
  play_in<Scene>(s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    const Errno shut = co_await scene.second.shutdown(ctx, kSendShutdown);
    CHECK(shut == Errno::ok);
    const SendRequest request = scene.send(scene.path, 0, 200'000, 1);
    co_await scene.calls.sendfile(ctx, scene.queue, request);
    const Ukevent event = co_await scene.event(ctx);
    CHECK(event.ret_flags == (kDone | kBroken));
    CHECK(event.ret_data[1] == static_cast<std::uint32_t>(Errno::epipe));
  });
}
