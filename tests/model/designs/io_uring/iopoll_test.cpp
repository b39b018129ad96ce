// SPDX-License-Identifier: Apache-2.0
// Rings that poll a drive for their completions.
#include "model/designs/io_uring/uring.h"
#include "model/kernel/vfs/file_content.h"
#include "tests/model/drivers/nvme/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;
using namespace iodrome::designs;
using namespace iodrome::designs::io_uring;

namespace {

struct Until final : WakeCondition {
  bool holds() const override { return told; }
  bool possible() const override { return true; }
  bool told = false;
};

using Cqes = std::vector<std::pair<std::uint64_t, std::int64_t>>;

struct Scene {
  explicit Scene(bool iopoll, std::int64_t poll_queues = 1)
      : params{16, 4, 8, iopoll}, nvme(2, {64, poll_queues}, nullptr, &files.volume()) {
    files.volume().mount(nvme.block);
    cache.params = {1 << 20, 16'384, 1 << 20};
    const Result<Inode*> inode = files.add_file("/f", 1 << 20, Inode::Metadata::cached);
    REQUIRE(inode);
    FilePtr opened{new File};
    opened->inode = *inode;
    fd = *table.install(opened);
    for (int i = 0; i < 64; ++i) user.push_back(nvme.rig.memory.allocate_page());
  }
  ~Scene() { nvme.rig.end(); }

  Sqe sqe(Opcode opcode, std::uint64_t user_data, std::uint64_t offset = 0,
          std::uint64_t bytes = 4096) {
    Sqe entry;
    entry.opcode = opcode;
    entry.user_data = user_data;
    entry.fd = fd;
    entry.path = &path;
    entry.statx_size = &size;
    entry.direct_io = true;
    entry.offset = offset;
    entry.bytes = bytes;
    entry.pages = user;
    return entry;
  }
  /// Submits the batch on CPU 0 and takes so many CQEs; then nothing more must come.
  Cqes run(std::vector<Sqe> batch, std::size_t wanted) {
    Cqes cqes;
    nvme.on(0, [&](Sleepable& ctx) -> Task<void> {
      const bool pushed = co_await ring.push(ctx, batch);
      CHECK(pushed);
      while (cqes.size() < wanted) {
        ++enters;
        co_await ring.enter(ctx, true, &until);
        returned = ctx.now().time_since_epoch() - nvme.ready;
        for (;;) {
          const std::optional<Cqe> cqe = co_await ring.take(ctx);
          if (!cqe) break;
          cqes.emplace_back(cqe->user_data, cqe->res);
        }
      }
      blocked = ctx.thread().blocked_total;
      interrupts = messages() - at_boot;
    });
    nvme.rig.run();
    return cqes;
  }
  std::uint64_t messages() const { return nvme.device.counters().interrupts; }

  FileSystem files{64 << 20, true};
  UringCosts costs;
  UringParams params;
  drivers::NvmeRig nvme;
  PageCache cache{nvme.rig.system};
  Os os{nvme.rig.system, files, cache};
  FileTable table{16};
  WaitQueue sleepers{"uring"};
  SubmitTimes held;
  Uring ring{os, table, costs, params, sleepers, held};
  std::string path = "/f";
  std::int64_t size = -1;
  int fd = -1;
  std::vector<hw::PhysAddr> user;
  Until until;
  const std::uint64_t at_boot = messages();
  std::uint64_t interrupts = 0;  // until the last CQE was there; the flusher's come later
  int enters = 0;
  Duration returned{};  // from the last io_uring_enter
  Duration blocked{};
};

std::int64_t error(Errno number) {
  return -static_cast<std::int64_t>(number);
}

void give_costs(Scene& s) {
  KernelCosts& costs = s.nvme.rig.system.costs;
  costs.syscall_entry.each = 40ns;
  costs.syscall_exit.each = 50ns;
  costs.irq_entry.each = 500ns;
  costs.context_switch.each = 700ns;
  costs.try_to_wake_up.each = 300ns;
  costs.vfs_read.each = 150ns;
  costs.bio_submit.each = 100ns;
  costs.driver_submit.each = 70ns;
  costs.block_poll.each = 60ns;
  costs.bio_complete.each = 310ns;
  s.costs.enter.each = 280ns;
  s.costs.issue.each = 31ns;
  s.costs.rw_prepare.each = 106ns;
  s.costs.task_work.each = 50ns;
  s.costs.cqe_post.each = 12ns;
}

}  // namespace

TEST_CASE("a polled read takes its submission, the device, the rest of a look and its end") {
  Scene s(true);
  give_costs(s);
  const std::uint64_t irqs_at_boot = s.nvme.rig.system.costs.irq_entry.count;
  CHECK(s.run({s.sqe(Opcode::read, 1)}, 1) == Cqes{{1, 4096}});
  // The thread is switched to; the doorbell is written at the end of what submits.
  const Duration doorbell = 700ns + 40ns + 280ns + 31ns + 106ns + 150ns + 100ns + 70ns;
  const std::int64_t looks = (drivers::kDeviceTime + 60ns - ps(1)) / 60ns;
  CHECK(looks == 129);
  CHECK(s.returned == doorbell + looks * 60ns + 310ns + 12ns + 50ns);
  CHECK(s.nvme.rig.system.costs.block_poll.count == 129);
  // No interrupt, no sleep, no task work, and the CPU never idle.
  CHECK(s.interrupts == 0);
  CHECK(s.blocked == Duration{0});
  CHECK(s.nvme.rig.system.costs.irq_entry.count == irqs_at_boot);
  CHECK(s.costs.task_work.count == 0);
  CHECK(s.nvme.rig.spent(0, events::CpuClass::idle) == s.nvme.ready);
  CHECK(content_matches(s.table.get(s.fd).value()->inode->number, 0,
                        s.nvme.rig.memory.bytes(s.user[0], 4096)));
}

TEST_CASE("the same read by interrupt sleeps, and pays for message, interrupt, wake-up, switch") {
  Scene s(false);
  give_costs(s);
  CHECK(s.run({s.sqe(Opcode::read, 1)}, 1) == Cqes{{1, 4096}});
  CHECK(s.interrupts == 1);
  CHECK(s.blocked > Duration{0});
  const Duration doorbell = 700ns + 40ns + 280ns + 31ns + 106ns + 150ns + 100ns + 70ns;
  CHECK(s.returned == doorbell + drivers::kDeviceTime + drivers::kMessageTime + 500ns + 310ns +
                          300ns + 700ns + 50ns + 12ns + 50ns);
}

TEST_CASE("polled completions are told in the order of issue, by interrupt in that of their ends") {
  for (const bool iopoll : {true, false}) {
    Scene s(iopoll);
    s.nvme.rig.system.costs.block_poll.each = 100ns;
    const Cqes cqes =
        s.run({s.sqe(Opcode::read, 1, 0, 8 * 4096), s.sqe(Opcode::read, 2, 48 * 1024)}, 2);
    const Cqes by_issue = {{1, 8 * 4096}, {2, 4096}};
    const Cqes by_end = {{2, 4096}, {1, 8 * 4096}};
    CHECK((cqes == (iopoll ? by_issue : by_end)));
    CHECK(s.enters == (iopoll ? 1 : 2));
  }
}

TEST_CASE("a polling ring takes direct reads and writes alone") {
  Scene s(true);
  s.nvme.rig.system.costs.block_poll.each = 100ns;
  std::vector<Sqe> batch;
  for (const Opcode opcode : {Opcode::openat, Opcode::statx, Opcode::fsync, Opcode::close,
                              Opcode::timeout, Opcode::read, Opcode::write, Opcode::nop})
    batch.push_back(s.sqe(opcode, batch.size()));
  batch[5].direct_io = batch[6].direct_io = false;
  batch.push_back(s.sqe(Opcode::write, 8, 8192));
  batch.push_back(s.sqe(Opcode::read, 9, 4096));
  const std::int64_t invalid = error(Errno::einval);
  const std::int64_t unsupported = error(Errno::eopnotsupp);
  Cqes cqes = s.run(batch, 10);
  std::ranges::sort(cqes);
  CHECK(cqes == Cqes{{0, invalid},
                     {1, invalid},
                     {2, invalid},
                     {3, invalid},
                     {4, invalid},
                     {5, unsupported},
                     {6, unsupported},
                     {7, 0},
                     {8, 4096},
                     {9, 4096}});
  CHECK(s.interrupts == 0);
}

TEST_CASE("a polled write that must extend its file is a worker's, who sleeps for it") {
  Scene s(true);
  s.nvme.rig.system.costs.block_poll.each = 100ns;
  CHECK(s.run({s.sqe(Opcode::write, 1, 1 << 20)}, 1) == Cqes{{1, 4096}});
  CHECK(s.interrupts > 0);
}

TEST_CASE("whoever polls gives the CPU to a thread whose turn has come, on its way to user mode") {
  Scene s(true);
  s.nvme.rig.system.costs.block_poll.each = 100ns;
  s.nvme.rig.system.costs.syscall_exit.each = 10ns;
  s.nvme.rig.tick_every(1us);
  Duration ran{};
  Cost work{100ns};
  s.nvme.rig.at(s.nvme.ready + 1ns, [&] {
    s.nvme.on(0, [&](Sleepable& ctx) -> Task<void> {
      co_await ctx.spend(work);
      ran = ctx.now().time_since_epoch() - s.nvme.ready;
    });
  });
  CHECK(s.run({s.sqe(Opcode::read, 1)}, 1) == Cqes{{1, 4096}});
  CHECK(s.enters > 1);
  CHECK(ran > 0ns);
  CHECK(ran < drivers::kDeviceTime);
}

TEST_CASE("what the application waits for besides ends the polling") {
  Scene s(true);
  s.nvme.rig.system.costs.block_poll.each = 100ns;
  Duration returned{};
  s.nvme.rig.at(s.nvme.ready + 2us, [&] { s.until.told = true; });
  s.nvme.on(0, [&](Sleepable& ctx) -> Task<void> {
    const std::vector<Sqe> batch = {s.sqe(Opcode::read, 1)};
    co_await s.ring.push(ctx, batch);
    co_await s.ring.enter(ctx, true, &s.until);
    returned = ctx.now().time_since_epoch() - s.nvme.ready;
    s.until.told = false;
    co_await s.ring.enter(ctx, true, &s.until);
  });
  s.nvme.rig.run();
  CHECK(returned >= 2us);
  CHECK(returned <= 2'100ns);
}
