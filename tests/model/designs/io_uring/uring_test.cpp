// SPDX-License-Identifier: Apache-2.0
#include "model/designs/io_uring/uring.h"

#include "model/events/workqueue.h"
#include "tests/model/kernel/disk.h"

using namespace iodrome;
using namespace iodrome::kernel;
using namespace iodrome::designs;
using namespace iodrome::designs::io_uring;

namespace {

struct Silent final : NetDriver {
  Task<void> xmit(Atomic&, Segment&) override { co_return; }
};

struct Never final : WakeCondition {
  bool holds() const override { return false; }
  bool possible() const override { return false; }
};

struct Scene : DiskRig {
  explicit Scene(std::int64_t entries = 16)
      : DiskRig(2), params{entries, 4, 8}, ring(os, table, costs, params, sleepers, held) {
    disk.irq_cpu = 1;
    fd = *table.install(open(file(path, 100'000)));
    FilePtr opened{new File};
    opened->socket = &socket;
    socket_fd = *table.install(opened);
    user = pages(32);
  }
  Sqe sqe(Opcode opcode, std::uint64_t user_data, bool link = false) {
    Sqe entry;
    entry.opcode = opcode;
    entry.user_data = user_data;
    entry.link = link;
    entry.path = &path;
    entry.pages = user;
    entry.pipe = &pipe;
    entry.fd = opcode == Opcode::splice_out ? socket_fd : fd;
    entry.fixed_file = opcode == Opcode::splice_in;
    entry.direct_io = true;
    entry.statx_size = &size;
    return entry;
  }
  Sqe read(std::uint64_t user_data, std::uint64_t offset, std::uint64_t bytes, bool link = false) {
    Sqe entry = sqe(Opcode::read, user_data, link);
    entry.offset = offset;
    entry.bytes = bytes;
    return entry;
  }
  FileTable table{16};
  UringCosts costs;
  UringParams params;
  WaitQueue sleepers{"uring"};
  std::string path = "/f";
  SocketParams socket_params{1 << 20, 65'536};
  Silent net;
  Socket socket{rig.system, net, socket_params, 0};
  Pipe pipe{16};
  std::int64_t size = -1;
  int fd = -1;
  int socket_fd = -1;
  std::vector<hw::PhysAddr> user;
  SubmitTimes held;
  Uring ring;
  std::vector<Sqe> batch;
  std::vector<std::pair<std::uint64_t, std::int64_t>> cqes;
  std::size_t wanted = 0;
};

using Cqes = std::vector<std::pair<std::uint64_t, std::int64_t>>;

std::int64_t error(Errno number) {
  return -static_cast<std::int64_t>(number);
}

// Submits the batch and takes CQEs until there are as many as wanted.
Task<void> submit_and_reap(Sleepable& ctx, Scene& s) {
  const Never never;
  const bool pushed = co_await s.ring.push(ctx, s.batch);
  CHECK(pushed);
  while (s.cqes.size() < s.wanted) {
    co_await s.ring.enter(ctx, true, &never);
    for (;;) {
      const std::optional<Cqe> cqe = co_await s.ring.take(ctx);
      if (!cqe) break;
      s.cqes.emplace_back(cqe->user_data, cqe->res);
    }
  }
}

// Carries the batch out; afterwards nothing more must come.
Cqes run(Scene& s, std::vector<Sqe> batch, std::size_t wanted) {
  s.batch = std::move(batch);
  s.wanted = wanted;
  s.cqes.clear();
  s.rig.thread(0, s, submit_and_reap);
  s.rig.run();
  return s.cqes;
}

}  // namespace

TEST_CASE("linked requests run one after the other, each with its CQE") {
  Scene s;
  const Cqes cqes =
      run(s, {s.read(1, 0, 4096, true), s.read(2, 4096, 4096, true), s.sqe(Opcode::nop, 3)}, 3);
  CHECK(cqes == Cqes{{1, 4096}, {2, 4096}, {3, 0}});
  CHECK(s.rig.now() == 2us);  // one read behind the other
}

TEST_CASE("requests without links run beside each other") {
  Scene s;
  run(s, {s.read(1, 0, 4096), s.read(2, 4096, 4096)}, 2);
  CHECK(s.rig.now() == 1us);
}

TEST_CASE("a failed request severs its link: the rest is cancelled, the next chain is not") {
  Scene s;
  const Cqes cqes = run(s,
                        {s.read(1, 100, 512, true), s.read(2, 0, 512, true), s.read(3, 0, 512),
                         s.sqe(Opcode::nop, 4)},
                        4);
  const auto cancelled = error(Errno::ecanceled);
  CHECK(cqes == Cqes{{1, error(Errno::einval)}, {2, cancelled}, {3, cancelled}, {4, 0}});
  CHECK(s.disk.issued.empty());
}

TEST_CASE("a short read severs its link like a failure") {
  Scene s;
  const Cqes cqes = run(s, {s.read(1, 98'304, 4096, true), s.sqe(Opcode::nop, 2)}, 2);
  CHECK(cqes == Cqes{{1, 100'000 - 98'304}, {2, error(Errno::ecanceled)}});
}

TEST_CASE("with skip_success only the last success, or the one failure, makes a CQE") {
  Scene s;
  const auto chain = [&](std::uint64_t offset) {
    std::vector<Sqe> batch = {s.read(1, 0, 512, true), s.read(2, offset, 512, true),
                              s.read(3, 0, 512, true), s.sqe(Opcode::nop, 4)};
    for (std::size_t i = 0; i < 3; ++i) batch[i].skip_success = true;
    return batch;
  };
  CHECK(run(s, chain(0), 1) == Cqes{{4, 0}});
  CHECK(run(s, chain(100), 1) == Cqes{{2, error(Errno::einval)}});
  // A later batch is not disturbed by leftovers of the severed one.
  CHECK(run(s, {s.sqe(Opcode::nop, 9)}, 1) == Cqes{{9, 0}});
}

TEST_CASE("splices run in workers and move a file to a socket without copying") {
  struct Workers final : events::Observer {
    void on(const events::EventInfo& info, SimTime, std::uint32_t,
            std::span<const std::uint64_t>) override {
      started += info.kind == events::WorkqueueExecuteStart::info.kind;
    }
    int started = 0;
  } workers;
  static constexpr events::Subsystem kWork[] = {events::Subsystem::workqueue};
  Scene s;
  s.rig.probe.attach(workers, kWork);
  std::vector<Sqe> batch = {s.sqe(Opcode::openat_direct, 1, true),
                            s.sqe(Opcode::splice_in, 2, true), s.sqe(Opcode::splice_out, 3, true),
                            s.sqe(Opcode::close_direct, 4)};
  batch[1].bytes = batch[2].bytes = 60'000;
  CHECK(run(s, batch, 4) == Cqes{{1, 0}, {2, 60'000}, {3, 60'000}, {4, 0}});
  CHECK(workers.started == 1);  // the rest of a chain stays with the worker
  CHECK(s.socket.bytes_queued() == 60'000);
  CHECK(s.rig.probe.counters().bytes_copied_cpu == 0);
  CHECK(s.ring.direct_file(0) == nullptr);
  CHECK(s.rig.spent(0, events::CpuClass::user) == 0us);
}

TEST_CASE("statx goes by path, in a worker, and fills the caller's buffer") {
  Scene s;
  CHECK(run(s, {s.sqe(Opcode::statx, 1)}, 1) == Cqes{{1, 0}});
  CHECK(s.size == 100'000);
  s.path = "/nowhere";
  CHECK(run(s, {s.sqe(Opcode::statx, 2)}, 1) == Cqes{{2, error(Errno::enoent)}});
}

TEST_CASE("opening a cold file goes to a worker, a known one does not") {
  Scene s;
  s.file("/cold", 5000, Inode::Metadata::cold);
  s.path = "/cold";
  CHECK(run(s, {s.sqe(Opcode::openat_direct, 1)}, 1) == Cqes{{1, 0}});
  CHECK(s.rig.system.costs.queue_work.count == 1);
  CHECK(run(s, {s.sqe(Opcode::openat_direct, 2)}, 1) == Cqes{{2, 0}});
  CHECK(s.rig.system.costs.queue_work.count == 1);
  CHECK(s.ring.direct_file(0)->inode->path == "/cold");
}

TEST_CASE("a buffered read needs no worker, whether its pages are in memory or not") {
  Scene s;
  Sqe cold = s.read(1, 0, 8192);
  cold.direct_io = false;
  CHECK(run(s, {cold}, 1) == Cqes{{1, 8192}});
  const std::size_t reads = s.disk.issued.size();
  CHECK(reads > 0);
  CHECK(s.rig.now() == 1us + 8192ns);  // the device, then a copy at 1 GB/s
  CHECK(run(s, {cold, cold}, 2) == Cqes{{1, 8192}, {1, 8192}});
  CHECK(s.disk.issued.size() == reads);
  CHECK(s.rig.now() == 1us + 3 * 8192ns);
  CHECK(s.rig.system.costs.queue_work.count == 0);
}

TEST_CASE("a buffered read of several windows goes on where a missing page stopped it") {
  Scene s;
  Sqe whole = s.read(1, 100, 99'000, true);
  whole.direct_io = false;
  CHECK(run(s, {whole, s.sqe(Opcode::nop, 2)}, 2) == Cqes{{1, 99'000}, {2, 0}});
  CHECK(s.rig.system.costs.queue_work.count == 0);
}

TEST_CASE("a direct descriptor outside the table is EINVAL, an empty one EBADF") {
  Scene s;
  Sqe outside = s.sqe(Opcode::openat_direct, 1);
  outside.slot = 4;
  CHECK(run(s, {outside}, 1) == Cqes{{1, error(Errno::einval)}});
  for (const std::uint32_t slot : {3u, 4u, 1'000'000u}) {
    Sqe closes = s.sqe(Opcode::close_direct, 2);
    closes.slot = slot;
    Sqe reads = s.read(3, 0, 512);
    reads.fixed_file = true;
    reads.slot = slot;
    CHECK(run(s, {closes, reads}, 2) == Cqes{{2, error(Errno::ebadf)}, {3, error(Errno::ebadf)}});
  }
}

TEST_CASE("CQEs that find the ring full keep their order, and none is lost") {
  Scene s(4);  // so the completion ring has 8 entries
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    std::uint64_t expected = 0;
    for (std::uint64_t i = 0; i < 40; i += 4) {
      scene.batch.clear();
      for (std::uint64_t k = i; k < i + 4; ++k) scene.batch.push_back(scene.sqe(Opcode::nop, k));
      co_await scene.ring.push(ctx, scene.batch);
      co_await scene.ring.enter(ctx, false, nullptr);
      // Room for one: what comes next must not take it before what has waited for it.
      const std::optional<Cqe> cqe = co_await scene.ring.take(ctx);
      CHECK((cqe && cqe->user_data == expected++));
    }
    for (int round = 0; round < 40 && expected < 40; ++round) {
      for (;;) {
        const std::optional<Cqe> cqe = co_await scene.ring.take(ctx);
        if (!cqe) break;
        CHECK(cqe->user_data == expected++);
      }
      co_await scene.ring.enter(ctx, true, nullptr);
    }
    CHECK(expected == 40);
  });
  s.rig.run();
}

TEST_CASE("a full submission queue takes nothing of a batch that does not fit") {
  Scene s(4);
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    const std::vector<Sqe> three(3, scene.sqe(Opcode::nop, 1));
    const bool first = co_await scene.ring.push(ctx, three);
    CHECK(first);
    const bool second = co_await scene.ring.push(ctx, three);
    CHECK_FALSE(second);
    const Result<std::int64_t> consumed = co_await scene.ring.enter(ctx, false, nullptr);
    CHECK(consumed == 3);
    const std::vector<Sqe> four(4, scene.sqe(Opcode::nop, 2));
    const bool whole = co_await scene.ring.push(ctx, four);
    CHECK(whole);  // everything has room again
  });
  s.rig.run();
}

TEST_CASE("completions become visible when their owner enters, not before") {
  Scene s;
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    const Sqe one = scene.read(1, 0, 512);
    co_await scene.ring.push(ctx, {&one, 1});
    co_await scene.ring.enter(ctx, false, nullptr);
    Cost pause{5us};
    co_await ctx.spend(pause);
    const std::optional<Cqe> early = co_await scene.ring.take(ctx);
    CHECK_FALSE(early);
    co_await scene.ring.enter(ctx, true, nullptr);
    const std::optional<Cqe> cqe = co_await scene.ring.take(ctx);
    CHECK((cqe && cqe->res == 512));
  });
  s.rig.run();
}
