// SPDX-License-Identifier: Apache-2.0
// Processes that fork and end with AIO in flight.
#include "model/designs/linux_aio/kioctx.h"
#include "model/kernel/calls/event_calls.h"
#include "model/kernel/calls/process_calls.h"
#include "tests/model/kernel/disk.h"

using namespace iodrome;
using namespace iodrome::kernel;
using namespace iodrome::designs::linux_aio;

namespace {

struct Scene : DiskRig, ExitHook {
  Scene() : DiskRig(2), io(os, *table, costs, 6, sleepers), processes(rig.system) {
    disk.latency = 10us;
    fd = *table->install(open(file("/f", 1 << 20)));
    user = pages(64);
    processes.init_reaps = [this](Pid, std::int32_t status) {
      statuses.push_back(status);
      reaped_at = rig.now();
    };
  }
  virtual ~Scene() { rig.end(); }

  Task<void> exit(Sleepable& ctx) override {
    ++exits;
    co_await io.exit(ctx);
  }
  void run(UserCode code) {
    Process& process = processes.start(0, std::shared_ptr<FileTable>(&*table, [](FileTable*) {}),
                                       {}, std::move(code));
    process.on_exit(ExitStage::cancel, *this);
    rig.run();
    CHECK(exits == 1);
    CHECK(processes.size() == 0);
    CHECK(table->open_count() == 0);
    CHECK(device.in_flight() == 0);
  }
  Task<void> submit(Sleepable& ctx, std::uint64_t count) {
    std::vector<Iocb> iocbs;
    for (std::uint64_t i = 0; i < count; ++i)
      iocbs.push_back({i, fd, true, 4096 * i, 512, std::span(user).subspan(i), nullptr});
    const Result<std::int64_t> accepted = co_await io.submit(ctx, iocbs);
    CHECK(accepted == static_cast<std::int64_t>(count));
  }

  std::unique_ptr<FileTable> table = std::make_unique<FileTable>(16);
  AioCosts costs;
  WaitQueue sleepers{"aio"};
  Kioctx io;
  ProcessTable processes;
  int fd = -1;
  std::vector<hw::PhysAddr> user;
  std::vector<std::int32_t> statuses;
  int exits = 0;
  Duration reaped_at{};
};

}  // namespace

TEST_CASE("a process that ends waits for its AIO and what comes after that is EINVAL") {
  Scene s;
  s.run([&s](Sleepable& ctx, Process&) -> Task<std::int32_t> {
    co_await s.submit(ctx, 3);
    co_return 4;
  });
  CHECK(s.reaped_at == 10us);
  CHECK(s.statuses == std::vector<std::int32_t>{exited(4)});
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    const Iocb late{9, scene.fd, true, 0, 512, scene.user, nullptr};
    const Result<std::int64_t> refused = co_await scene.io.submit(ctx, std::span(&late, 1));
    CHECK(refused == fail(Errno::einval));
  });
  s.rig.run();
}

TEST_CASE("a kill wakes a thread in io_getevents which does not go on") {
  Scene s;
  bool went_on = false;
  s.run([&](Sleepable& ctx, Process& self) -> Task<std::int32_t> {
    co_await s.submit(ctx, 1);
    co_await sys_clone_thread(ctx, [&](Sleepable& mine, Process&) -> Task<std::int32_t> {
      std::vector<IoEvent> events(4);
      co_await s.io.getevents(mine, 4, events);
      went_on = true;
      co_return 0;
    });
    co_await sys_nanosleep(ctx, 1us);
    co_await sys_kill_pid(ctx, self.pid(), kSigKill);
    went_on = true;
    co_return 0;
  });
  CHECK_FALSE(went_on);
  CHECK(s.statuses == std::vector<std::int32_t>{killed_by(kSigKill)});
  CHECK(s.reaped_at == 10us);
}

TEST_CASE("AIO in flight at a fork is the parent's: the child's end neither waits nor ends it") {
  Scene s;
  s.run([&s](Sleepable& ctx, Process&) -> Task<std::int32_t> {
    co_await s.submit(ctx, 2);
    co_await sys_fork(ctx, [](Sleepable&, Process&) -> Task<std::int32_t> { co_return 0; });
    co_await sys_wait4(ctx, -1, nullptr, 0);
    CHECK(ctx.now() < SimTime{} + 10us);
    CHECK(s.exits == 0);
    std::vector<IoEvent> events(4);
    const Result<std::int64_t> both = co_await s.io.getevents(ctx, 2, events);
    CHECK(both == 2);
    CHECK(events[0].res == 512);
    co_return 0;
  });
}
