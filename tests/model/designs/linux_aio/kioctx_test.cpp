// SPDX-License-Identifier: Apache-2.0
#include "model/designs/linux_aio/kioctx.h"

#include "tests/model/kernel/disk.h"

using namespace iodrome;
using namespace iodrome::kernel;
using namespace iodrome::designs;
using namespace iodrome::designs::linux_aio;

namespace {

struct Scene : DiskRig {
  explicit Scene(std::uint32_t events = 6) : DiskRig(2), io(os, table, costs, events, sleepers) {
    disk.irq_cpu = 1;
    fd = *table.install(open(file("/f", 1 << 20)));
    user = pages(64);
  }
  Iocb iocb(std::uint64_t data, int on, std::uint64_t offset = 0, std::uint64_t bytes = 512) {
    return {data, on, true, offset, bytes, user, nullptr};
  }
  FileTable table{16};
  AioCosts costs;
  WaitQueue sleepers{"aio"};
  Kioctx io;
  int fd = -1;
  std::vector<hw::PhysAddr> user;
};

using Values = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("io_submit accepts as many as there are slots, then says EAGAIN until events are taken") {
  Scene s;
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    const std::uint32_t slots = scene.io.slots();
    CHECK(slots == 8);
    std::vector<Iocb> iocbs;
    for (std::uint64_t i = 0; i < slots + 3; ++i) iocbs.push_back(scene.iocb(i, scene.fd, 512 * i));
    const Result<std::int64_t> accepted = co_await scene.io.submit(ctx, iocbs);
    CHECK(accepted == slots);
    const auto rest = std::span<const Iocb>(iocbs).subspan(slots);
    const Result<std::int64_t> refused = co_await scene.io.submit(ctx, rest);
    CHECK(refused == fail(Errno::eagain));
    std::vector<IoEvent> events(16);
    const Result<std::int64_t> three =
        co_await scene.io.getevents(ctx, 3, std::span(events).first(3));
    CHECK(three == 3);
    const Result<std::int64_t> more = co_await scene.io.submit(ctx, rest);
    CHECK(more == 3);
    const Result<std::int64_t> all = co_await scene.io.getevents(ctx, slots, events);
    CHECK(*all >= slots);
    CHECK(scene.io.requests_active() == 0);
  });
  s.rig.run();
  CHECK(s.disk.issued.size() == 11);
}

TEST_CASE("a thousand requests through few slots never overflow the ring") {
  Scene s(2);
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    std::vector<IoEvent> events(3);
    std::uint64_t submitted = 0;
    std::uint64_t taken = 0;
    while (taken < 1000) {
      while (submitted < 1000) {
        const Iocb one = scene.iocb(submitted, scene.fd);
        const Result<std::int64_t> accepted = co_await scene.io.submit(ctx, {&one, 1});
        if (!accepted) {
          CHECK(accepted.error() == Errno::eagain);
          break;
        }
        ++submitted;
      }
      CHECK(scene.io.requests_active() <= scene.io.slots());
      const Result<std::int64_t> got = co_await scene.io.getevents(ctx, 1, events);
      for (std::int64_t i = 0; i < *got; ++i) {
        CHECK(events[static_cast<std::size_t>(i)].data == taken++);
        CHECK(events[static_cast<std::size_t>(i)].res == 512);
      }
    }
  });
  s.rig.run();
  CHECK(s.disk.issued.size() == 1000);
}

TEST_CASE("a bad descriptor stops the batch, which returns what was accepted before it") {
  Scene s;
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    const std::vector<Iocb> iocbs = {scene.iocb(1, scene.fd), scene.iocb(2, scene.fd),
                                     scene.iocb(3, 77), scene.iocb(4, scene.fd)};
    const Result<std::int64_t> accepted = co_await scene.io.submit(ctx, iocbs);
    CHECK(accepted == 2);
    const Result<std::int64_t> refused =
        co_await scene.io.submit(ctx, std::span<const Iocb>(iocbs).subspan(2));
    CHECK(refused == fail(Errno::ebadf));
    const Iocb crooked = scene.iocb(5, scene.fd, 100);
    const Result<std::int64_t> invalid = co_await scene.io.submit(ctx, {&crooked, 1});
    CHECK(invalid == fail(Errno::einval));
    CHECK(scene.io.requests_active() == 2);
    std::vector<IoEvent> events(8);
    const Result<std::int64_t> got = co_await scene.io.getevents(ctx, 2, events);
    CHECK(got == 2);
  });
  s.rig.run();
  CHECK(s.disk.issued.size() == 2);
}

TEST_CASE("events come in the order of completion, with the bytes read or the error") {
  Scene s;
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    const Inode& inode = **scene.files.lookup("/f");
    scene.disk.broken = {inode.first_sector + 1};
    std::vector<IoEvent> events(8);
    scene.disk.latency = 9us;
    const Iocb slow = scene.iocb(10, scene.fd, 0, 4096);
    co_await scene.io.submit(ctx, {&slow, 1});
    scene.disk.latency = 3us;
    const Iocb bad = scene.iocb(20, scene.fd, 512);
    co_await scene.io.submit(ctx, {&bad, 1});
    const Iocb past = scene.iocb(30, scene.fd, 1 << 20);
    co_await scene.io.submit(ctx, {&past, 1});
    const Result<std::int64_t> got = co_await scene.io.getevents(ctx, 3, events);
    CHECK(got == 3);
    CHECK(Values{events[0].data, events[1].data, events[2].data} == Values{30, 20, 10});
    CHECK(events[0].res == 0);
    CHECK(events[1].res == -static_cast<std::int64_t>(Errno::eio));
    CHECK(events[2].res == 4096);
    CHECK(scene.holds(scene.user, inode, 0, 4096));
  });
  s.rig.run();
}

TEST_CASE("io_getevents with no minimum returns at once, and with one it sleeps for it") {
  Scene s;
  s.disk.latency = 50us;
  Thread& thread = s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    std::vector<IoEvent> events(8);
    const Iocb one = scene.iocb(1, scene.fd);
    co_await scene.io.submit(ctx, {&one, 1});
    const Result<std::int64_t> none = co_await scene.io.getevents(ctx, 0, events);
    CHECK(none == 0);
    CHECK(scene.rig.now() == 0us);
    const Result<std::int64_t> got = co_await scene.io.getevents(ctx, 1, events);
    CHECK(got == 1);
    CHECK(scene.rig.now() == 50us);
  });
  s.rig.run();
  CHECK(thread.blocked_total == 50us);
}

TEST_CASE("a device that ends a request inside io_submit delivers its event all the same") {
  Scene s;
  s.disk.at_once = true;
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    std::vector<IoEvent> events(8);
    const std::vector<Iocb> two = {scene.iocb(1, scene.fd), scene.iocb(2, scene.fd, 0, 131'072)};
    co_await scene.io.submit(ctx, two);
    const Result<std::int64_t> got = co_await scene.io.getevents(ctx, 2, events);
    CHECK(got == 2);
    CHECK(events[1].res == 131'072);
  });
  s.rig.run();
}

TEST_CASE("writes to blocks that are there go on without their submitter, others hold it up") {
  Scene s;
  s.disk.latency = 100us;
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    Iocb write = scene.iocb(1, scene.fd, 4096, 8192);
    write.command = Command::pwrite;
    Result<std::int64_t> accepted = co_await scene.io.submit(ctx, {&write, 1});
    CHECK(accepted == 1);
    CHECK(ctx.thread().blocked_total == Duration{0});
    write.offset = 1 << 20;  // the end of the file
    accepted = co_await scene.io.submit(ctx, {&write, 1});
    CHECK(accepted == 1);
    CHECK(ctx.thread().blocked_total >= 100us);
    std::vector<IoEvent> events(4);
    const Result<std::int64_t> got = co_await scene.io.getevents(ctx, 2, events);
    CHECK(got == 2);
    CHECK(events[0].res == 8192);
    CHECK(events[1].res == 8192);
  });
  s.rig.run();
  CHECK(s.disk.writes == 3);  // the second one's inode too
}

TEST_CASE("fsync and fdsync are EINVAL, as no file system of that kernel had them") {
  Scene s;
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    for (const Command command : {Command::fsync, Command::fdsync}) {
      Iocb sync = scene.iocb(1, scene.fd);
      sync.command = command;
      const Result<std::int64_t> refused = co_await scene.io.submit(ctx, {&sync, 1});
      CHECK(refused == fail(Errno::einval));
    }
    CHECK(scene.io.requests_active() == 0);
  });
  s.rig.run();
  CHECK(s.disk.issued.empty());
}
