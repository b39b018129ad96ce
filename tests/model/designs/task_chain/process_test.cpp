// SPDX-License-Identifier: Apache-2.0
// Processes that fork and end with chains in flight.
#include "model/kernel/calls/event_calls.h"
#include "model/kernel/calls/file_calls.h"
#include "model/kernel/calls/process_calls.h"
#include "tests/model/designs/task_chain/scene.h"

namespace iodrome::designs::task_chain {
namespace {

using Value = Result<std::int64_t>;

/// A process whose descriptors are those of the scene's chains, and whose end is the queue's.
struct ProcessScene : Scene, ExitHook {
  explicit ProcessScene(chain::Continue continue_in = chain::Continue::cheapest)
      : Scene(continue_in), table(rig.system) {
    disk.latency = 10us;
    table.init_reaps = [this](Pid pid, std::int32_t status) {
      init_has[pid] = status;
      if (pid == kFirst) in_flight_at_end = device.in_flight();
    };
  }
  virtual ~ProcessScene() { rig.end(); }

  Task<void> exit(Sleepable& ctx) override {
    ++exits;
    co_await queue.exit_chains(ctx);
  }
  kernel::Process& start(UserCode code) {
    const std::shared_ptr<FileTable> shared(&process.files, [](FileTable*) {});
    kernel::Process& started = table.start(0, shared, {}, std::move(code));
    started.on_exit(ExitStage::cancel, *this);
    return started;
  }
  /// Every process has ended, and nothing of theirs or of the chains is left.
  void check_all_gone() {
    CHECK(table.size() == 0);
    CHECK(exits == 1);
    CHECK(queue.slots_free() == 4);
    CHECK(carriers_rest());
    CHECK(process.files.open_count() == 0);
    CHECK(device.in_flight() == 0);
    CHECK(in_flight_at_end == 0);
    const Result<Inode*> inode = files.lookup(path);
    REQUIRE(inode);
    CHECK((*inode)->references == holders_before);
  }
  void note_holders() { holders_before = (*files.lookup(path))->references; }

  static constexpr Pid kFirst = 2;
  ProcessTable table;
  std::map<Pid, std::int32_t> init_has;
  int exits = 0;
  std::uint32_t holders_before = 0;
  std::size_t in_flight_at_end = 0;  // of the chains' process
};

Task<void> submit(Sleepable& ctx, ProcessScene& s) {
  std::vector<ChainRun*> all;
  for (ChainRun& run : s.runs) all.push_back(&run);
  const Value accepted = co_await s.queue.submit(ctx, all);
  CHECK(accepted == static_cast<std::int64_t>(all.size()));
}

Task<std::size_t> take_all(Sleepable& ctx, ProcessScene& s) {
  std::size_t taken = 0;
  for (;;) {
    const std::optional<ChainEvent> event = co_await s.queue.take(ctx);
    if (!event) co_return taken;
    ++taken;
  }
}

}  // namespace

TEST_CASE("a process ends when its chains have: what is at the device is waited for") {
  for (const chain::Continue policy : kPolicies) {
    CAPTURE(static_cast<int>(policy));
    ProcessScene s(policy);
    s.note_holders();
    ChainRun& named =
        s.run({open_step(s.path), read_step(0, 0, 512), read_step(0, 4096, 512), close_step(0)});
    ChainRun& plain = s.run({read_fd_step(0, 8192, 512)});
    s.start([&s](Sleepable& ctx, kernel::Process& self) -> Task<std::int32_t> {
      const Value fd = co_await sys_openat(ctx, s.os, self.files(), s.path);
      CHECK(fd == 0);
      co_await submit(ctx, s);
      co_await sys_nanosleep(ctx, 1us);
      co_await sys_exit_group(ctx, 3);
      co_return 0;
    });
    s.rig.run();
    CHECK(s.init_has[2] == exited(3));
    CHECK(results(plain) == Results{512});
    CHECK(results(named) == Results{0, 512, error(Errno::ecanceled), 0});
    CHECK(s.rig.now() >= 10us);
    s.check_all_gone();
  }
}

TEST_CASE("a kill ends threads in chain_wait and their chains and nobody sees a completion") {
  ProcessScene s;
  s.note_holders();
  s.run({open_step(s.path), read_step(0, 0, 512), close_step(0)});
  bool went_on = false;
  kernel::Process& victim = s.start([&](Sleepable& ctx, kernel::Process&) -> Task<std::int32_t> {
    co_await submit(ctx, s);
    co_await sys_clone_thread(ctx, [&](Sleepable& mine, kernel::Process&) -> Task<std::int32_t> {
      const Never never;
      co_await s.queue.wait(mine, never);
      went_on = true;
      co_return 0;
    });
    co_await sys_nanosleep(ctx, 1s);
    went_on = true;
    co_return 0;
  });
  const Pid pid = victim.pid();
  s.table.start(1, std::make_shared<FileTable>(4), {},
                [pid](Sleepable& ctx, kernel::Process&) -> Task<std::int32_t> {
                  co_await sys_nanosleep(ctx, 3us);
                  co_await sys_kill_pid(ctx, pid, kSigKill);
                  co_return 0;
                });
  s.rig.run();
  CHECK_FALSE(went_on);
  CHECK(s.init_has[pid] == killed_by(kSigKill));
  CHECK(s.rig.now() == 10us);
  CHECK(s.queue.ring().posted() == 0);
  s.check_all_gone();
}

TEST_CASE("chains in flight at a fork stay the parent's: a child that closes their file is alone") {
  for (const chain::Continue policy : kPolicies) {
    CAPTURE(static_cast<int>(policy));
    ProcessScene s(policy);
    s.note_holders();
    // The second read begins after the child has closed its descriptor.
    ChainRun& run = s.run({read_fd_step(0, 0, 512), read_fd_step(0, 4096, 512)});
    std::size_t taken = 0;
    s.start([&](Sleepable& ctx, kernel::Process& self) -> Task<std::int32_t> {
      co_await sys_openat(ctx, s.os, self.files(), s.path);
      co_await submit(ctx, s);
      co_await sys_fork(ctx, [](Sleepable& mine, kernel::Process& me) -> Task<std::int32_t> {
        const Value closed = co_await sys_close(mine, me.files(), 0);
        CHECK(closed == 0);
        co_return 0;
      });
      co_await sys_wait4(ctx, -1, nullptr, 0);
      CHECK(ctx.now() < SimTime{} + 10us);
      CHECK(s.exits == 0);  // the child's end is not the chains'
      const Never never;
      co_await s.queue.wait(ctx, never);
      taken = co_await take_all(ctx, s);
      co_return 0;
    });
    s.rig.run();
    CHECK(taken == 1);
    CHECK(results(run) == Results{512, 512});
    s.check_all_gone();
  }
}

TEST_CASE("a parent that ends takes its chains along and leaves the child the file") {
  ProcessScene s;
  s.note_holders();
  ChainRun& run = s.run({read_fd_step(0, 0, 512), read_fd_step(0, 4096, 512)});
  const std::vector<hw::PhysAddr> pages = s.pages(1);
  s.start([&](Sleepable& ctx, kernel::Process& self) -> Task<std::int32_t> {
    co_await sys_openat(ctx, s.os, self.files(), s.path);
    co_await submit(ctx, s);
    co_await sys_fork(ctx, [&](Sleepable& mine, kernel::Process& me) -> Task<std::int32_t> {
      co_await sys_nanosleep(mine, 100us);
      CHECK(me.parent_pid() == 1);
      CHECK(s.process.files.open_count() == 0);  // the parent's
      CHECK((*s.files.lookup(s.path))->references == s.holders_before + 1);
      const Value bytes = co_await sys_pread(mine, s.os, me.files(), 0, true, 4096, 512, pages);
      CHECK(bytes == 512);
      co_return 8;
    });
    co_return 7;
  });
  s.rig.run();
  CHECK(s.init_has == std::map<Pid, std::int32_t>{{2, exited(7)}, {3, exited(8)}});
  CHECK(results(run) == Results{512, error(Errno::ecanceled)});
  CHECK(s.queue.ring().posted() == 0);
  s.check_all_gone();
}

TEST_CASE("a child that ends first and one that is killed leave the parent's chains alone") {
  for (const bool killed : {false, true}) {
    ProcessScene s;
    s.note_holders();
    ChainRun& run = s.run({open_step(s.path), read_step(0, 0, 512), close_step(0)});
    std::size_t taken = 0;
    s.start([&](Sleepable& ctx, kernel::Process& self) -> Task<std::int32_t> {
      co_await submit(ctx, s);
      const Value child =
          co_await sys_fork(ctx, [&](Sleepable& mine, kernel::Process&) -> Task<std::int32_t> {
            if (killed) co_await sys_nanosleep(mine, 1s);
            co_return 0;
          });
      if (killed) co_await sys_kill_pid(ctx, static_cast<Pid>(*child), kSigKill);
      std::int32_t status = -1;
      co_await sys_wait4(ctx, *child, &status, 0);
      CHECK(status == (killed ? killed_by(kSigKill) : 0));
      CHECK(self.files().open_count() == 0);
      CHECK((*s.files.lookup(s.path))->references == s.holders_before + 1);  // the chain's
      const Never never;
      co_await s.queue.wait(ctx, never);
      taken = co_await take_all(ctx, s);
      co_return 0;
    });
    s.rig.run();
    CHECK(taken == 1);
    CHECK(results(run) == Results{0, 512, 0});
    s.check_all_gone();
  }
}

TEST_CASE(
    "a fork's child has what a chain has put into the table and nothing of what it has open") {
  for (const bool keep : {false, true}) {
    ProcessScene s;
    s.note_holders();
    s.run({open_step(s.path), read_step(0, 0, 512)}).chain.steps[0].keep = keep;
    const std::size_t kept = keep ? 1 : 0;
    s.start([&](Sleepable& ctx, kernel::Process& self) -> Task<std::int32_t> {
      co_await submit(ctx, s);
      co_await sys_fork(ctx, [&](Sleepable& mine, kernel::Process& me) -> Task<std::int32_t> {
        CHECK(me.files().open_count() == kept);
        co_await sys_nanosleep(mine, 50us);
        CHECK(s.process.files.open_count() == 0);  // the parent has closed it
        CHECK(me.files().open_count() == kept);
        CHECK((*s.files.lookup(s.path))->references == s.holders_before + kept);
        co_return 0;
      });
      co_await sys_nanosleep(ctx, 20us);
      const std::size_t taken = co_await take_all(ctx, s);
      CHECK(taken == 1);
      CHECK(self.files().open_count() == kept);
      if (keep) co_await sys_close(ctx, self.files(), 0);
      co_await sys_wait4(ctx, -1, nullptr, 0);
      co_return 0;
    });
    s.rig.run();
    s.check_all_gone();
  }
}

}  // namespace iodrome::designs::task_chain
