// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/process/process.h"

#include "model/kernel/sync/completion.h"
#include "tests/model/kernel/process/scene.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

struct Hook final : ExitHook {
  Hook(ProcessScene& in, std::string called) : scene(in), name(std::move(called)) {}
  Task<void> exit(Sleepable& ctx) override {
    const Process& process = *of;
    scene.note(name + std::to_string(process.threads()) + "/" +
               std::to_string(of->mm().resident_pages()));
    co_await ctx.spend(scene.step);
  }
  ProcessScene& scene;
  std::string name;
  Process* of = nullptr;
};

struct Unwound {
  explicit Unwound(ProcessScene& in) : scene(in) {}
  ~Unwound() { scene.note("unwound"); }
  ProcessScene& scene;
};

}  // namespace

TEST_CASE("what main returns and what exit_group is given is the status: its low eight bits") {
  ProcessScene s;
  CHECK(s.play([](Sleepable&, Process&) -> Task<std::int32_t> { co_return 259; }) == 3 << 8);
  CHECK(s.play([&s](Sleepable& ctx, Process&) -> Task<std::int32_t> {
    const Unwound frame(s);
    co_await sys_exit_group(ctx, 7);
    s.note("came back");
    co_return 1;
  }) == 7 << 8);
  CHECK(s.log == "unwound");
}

TEST_CASE("exit_group ends threads in interruptible sleeps at once and others where they cross") {
  ProcessScene s(4);
  const std::int32_t status = s.play([&s](Sleepable& ctx, Process&) -> Task<std::int32_t> {
    co_await sys_clone_thread(ctx, [&s](Sleepable& mine, Process&) -> Task<std::int32_t> {
      const Unwound frame(s);
      co_await pause(mine);
      s.note("paused for nothing");
      co_return 0;
    });
    co_await sys_clone_thread(ctx, [&s](Sleepable& mine, Process&) -> Task<std::int32_t> {
      co_await mine.spend(s.step, 50);  // in user mode until 5 us
      s.note("in user mode at " + std::to_string(to_ps(mine.now()) / 1000));
      const auto body = [&]() -> Task<Value> {
        s.note("a call began");
        co_return 0;
      };
      co_await syscall(mine, Sysno::read, body());
      s.note("went on");
      co_return 0;
    });
    co_await ctx.spend(s.step, 10);
    co_await sys_exit_group(ctx, 4);
    co_return 0;
  });
  CHECK(status == 4 << 8);
  CHECK(s.log == "unwound in user mode at 5000");
  CHECK(s.rig.now() == 5us);
}

TEST_CASE(
    "a thread in an uninterruptible sleep ends when that is over and a killable one at once") {
  for (const bool killable : {false, true}) {
    ProcessScene s;
    WaitQueue queue{"io"};
    const WaitOptions options{.exclusive = true, .killable = killable};
    s.rig.at(9us, [&] { queue.wake_from_outside(s.rig.system); });
    s.play([&](Sleepable& ctx, Process&) -> Task<std::int32_t> {
      co_await sys_clone_thread(ctx, [&](Sleepable& mine, Process&) -> Task<std::int32_t> {
        const auto sleep = [&]() -> Task<Value> {
          const WaitOutcome ended =
              co_await queue.wait_for(mine, "io", events::Stage::queue, options);
          s.note(ended == WaitOutcome::woken ? "woken" : "killed");
          s.note(std::to_string(to_ps(mine.now()) / 1000));
          co_return 0;
        };
        co_await syscall(mine, Sysno::read, sleep());
        s.note("went on");
        co_return 0;
      });
      co_await ctx.spend(s.step, 10);
      co_return 0;
    });
    CHECK(s.log == (killable ? "killed 1000" : "woken 9000"));
  }
}

TEST_CASE("a signal with a handler does not end a killable sleep") {
  ProcessScene s;
  WaitQueue queue{"io"};
  s.rig.at(9us, [&] { queue.wake_from_outside(s.rig.system); });
  s.play([&](Sleepable& ctx, Process& self) -> Task<std::int32_t> {
    co_await sys_rt_sigaction(ctx, kSigUsr1, caught());
    co_await sys_clone_thread(ctx, [&](Sleepable& mine, Process& same) -> Task<std::int32_t> {
      co_await mine.spend(s.step, 10);
      co_await sys_tgkill(mine, same.signals(), *same.signals().threads()[0], kSigUsr1);
      co_return 0;
    });
    CHECK(self.threads() == 2);
    const WaitOutcome ended = co_await queue.wait_for(ctx, "io", events::Stage::queue,
                                                      {.exclusive = true, .killable = true});
    CHECK(ended == WaitOutcome::woken);
    CHECK(ctx.now() == SimTime{} + 9us);
    co_return 0;
  });
}

TEST_CASE("a process lives until its last thread has ended and then has its first one's status") {
  ProcessScene s;
  const std::int32_t status = s.play([&s](Sleepable& ctx, Process&) -> Task<std::int32_t> {
    co_await sys_clone_thread(ctx, [&s](Sleepable& mine, Process& self) -> Task<std::int32_t> {
      co_await sys_nanosleep(mine, 3us);
      s.note("threads " + std::to_string(self.threads()));
      co_return 9;
    });
    co_await sys_exit(ctx, 5);
    co_return 0;
  });
  CHECK(status == 5 << 8);
  CHECK(s.log == "threads 1");
}

TEST_CASE("hooks run once: cancelling before the threads are gone and the rest before the memory") {
  ProcessScene s;
  Hook cancel(s, "cancel");
  Hook second(s, "second");
  Hook memory(s, "memory");
  Hook gone(s, "gone");
  s.play([&](Sleepable& ctx, Process& self) -> Task<std::int32_t> {
    for (Hook* const hook : {&cancel, &second, &memory, &gone}) hook->of = &self;
    self.on_exit(ExitStage::memory, memory);
    self.on_exit(ExitStage::cancel, cancel);
    self.on_exit(ExitStage::cancel, second);
    self.on_exit(ExitStage::cancel, gone);
    self.forget(gone);
    const Result<UserAddr> at = co_await self.mm().mmap(ctx, 2 * kPage, Prot::write);
    for (const UserAddr page : {*at, *at + kPage})
      co_await self.mm().handle_mm_fault(ctx, page, UserAccess::write);
    co_await sys_clone_thread(ctx, [](Sleepable& mine, Process&) -> Task<std::int32_t> {
      co_await pause(mine);
      co_return 0;
    });
    co_await sys_nanosleep(ctx, 1us);
    co_await sys_exit_group(ctx, 0);
    co_return 0;
  });
  CHECK(s.log == "cancel2/2 second1/2 memory0/2");
}

TEST_CASE("the end of a process costs its threads and pages and files and its own work") {
  ProcessScene s(1);
  KernelCosts& costs = s.rig.system.costs;
  costs.thread_exit.each = 100ns;
  costs.process_exit.each = 2us;
  costs.page_unmap.each = 10ns;
  costs.file_close.each = 50ns;
  costs.syscall_entry.each = 7ns;
  SimTime before;
  s.play([&](Sleepable& ctx, Process& self) -> Task<std::int32_t> {
    const Result<UserAddr> at = co_await self.mm().mmap(ctx, 3 * kPage, Prot::write);
    for (std::uint64_t i = 0; i < 3; ++i)
      co_await self.mm().handle_mm_fault(ctx, *at + i * kPage, UserAccess::write);
    for (int i = 0; i < 4; ++i) CHECK(self.files().install(FilePtr{new File}));
    before = ctx.now();
    co_return 0;
  });
  CHECK(s.rig.now() - before.time_since_epoch() == 7ns + 100ns + 3 * 10ns + 4 * 50ns + 2us);
  CHECK(s.rig.memory.pages_in_use() == 0);
}

TEST_CASE("descriptors of a table that another process uses too stay open") {
  ProcessScene s;
  const auto shared = std::make_shared<FileTable>(8);
  CHECK(shared->install(FilePtr{new File}));
  for (int i = 0; i < 2; ++i)
    s.table.start(0, shared, {}, [i](Sleepable& ctx, Process& self) -> Task<std::int32_t> {
      co_await sys_nanosleep(ctx, (i + 1) * 1us);
      CHECK(self.files().open_count() == 1);
      co_return 0;
    });
  s.rig.run();
  CHECK(s.init_has.size() == 2);
  CHECK(shared->open_count() == 1);  // this test uses it too
}

TEST_CASE("of two threads that end the process at one time the first one's status counts") {
  ProcessScene s(2);
  s.rig.system.costs.syscall_entry.each = 500ns;
  const std::int32_t status = s.play([&s](Sleepable& ctx, Process&) -> Task<std::int32_t> {
    co_await sys_clone_thread(ctx, [&s](Sleepable& mine, Process&) -> Task<std::int32_t> {
      co_await mine.spend(s.step, 11);
      co_await sys_exit_group(mine, 2);  // in the kernel already when the other one ends it
      co_return 0;
    });
    co_await ctx.spend(s.step, 8);
    co_await sys_exit_group(ctx, 1);
    co_return 0;
  });
  CHECK(status == exited(1));
}

TEST_CASE("a hook that is forgotten while another one sleeps is not called") {
  ProcessScene s(2);
  struct Sleeps final : ExitHook {
    Task<void> exit(Sleepable& ctx) override { co_await sys_nanosleep(ctx, 5us); }
  } first;
  struct Late final : ExitHook {
    Task<void> exit(Sleepable&) override {
      called = true;
      co_return;
    }
    bool called = false;
  } late;
  s.play([&](Sleepable& ctx, Process& self) -> Task<std::int32_t> {
    self.on_exit(ExitStage::cancel, first);
    self.on_exit(ExitStage::cancel, late);
    s.rig.at(ctx.now().time_since_epoch() + 2us, [&] { self.forget(late); });
    co_return 0;
  });
  CHECK_FALSE(late.called);
}

TEST_CASE("pages that are pinned when their process ends are told, with the run") {
  ProcessScene s;
  PinnedPages pinned;
  s.start([&pinned](Sleepable& ctx, Process& self) -> Task<std::int32_t> {
    const Result<UserAddr> at = co_await self.mm().mmap(ctx, kPage, Prot::write);
    CHECK(at);
    const auto count =
        co_await self.mm().pin_user_pages_fast(ctx, *at, 1, UserAccess::write, true, pinned);
    CHECK(count);
    co_return 0;
  });
  CHECK_THROWS_WITH(s.rig.timeline.run(), Catch::Contains("pinned pages"));
}

TEST_CASE("hooks are called also where all threads end by themselves and at one time") {
  ProcessScene s(2);
  s.rig.system.costs.thread_exit.each = 1us;
  Hook cancel(s, "cancel");
  Hook memory(s, "memory");
  s.play([&](Sleepable& ctx, Process& self) -> Task<std::int32_t> {
    for (Hook* const hook : {&cancel, &memory}) hook->of = &self;
    self.on_exit(ExitStage::cancel, cancel);
    self.on_exit(ExitStage::memory, memory);
    co_await sys_clone_thread(ctx, [](Sleepable&, Process&) -> Task<std::int32_t> { co_return 0; });
    co_await sys_exit(ctx, 0);
    co_return 0;
  });
  CHECK(s.log == "cancel0/0 memory0/0");
}
