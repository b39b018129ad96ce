// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/process/process.h"
#include "tests/model/kernel/process/scene.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

/// A mapping of `pages`, all of them touched.
Task<UserAddr> touched(Sleepable& ctx, AddressSpace& mm, std::uint64_t pages) {
  const Result<UserAddr> at = co_await mm.mmap(ctx, pages * kPage, Prot::write);
  for (std::uint64_t i = 0; i < pages; ++i)
    co_await mm.handle_mm_fault(ctx, *at + i * kPage, UserAccess::write);
  co_return *at;
}

Task<void> put(Sleepable& ctx, AddressSpace& mm, UserAddr at, char value) {
  const std::array<std::byte, 1> byte{std::byte(value)};
  const std::uint64_t left = co_await copy_to_user(ctx, mm, at, byte, CacheState::hot);
  CHECK(left == 0);
}

}  // namespace

TEST_CASE("fork tells the parent the child's number and costs a call and a share for each page") {
  ProcessScene s(2);
  s.rig.system.costs.fork_call.each = 20us;
  s.rig.system.costs.fork_page.each = 50ns;
  s.play([&s](Sleepable& ctx, Process& self) -> Task<std::int32_t> {
    co_await touched(ctx, self.mm(), 6);
    const SimTime before = ctx.now();
    const Value child =
        co_await sys_fork(ctx, [&s](Sleepable& mine, Process& me) -> Task<std::int32_t> {
          s.note("child " + std::to_string(me.pid()) + " of " + std::to_string(me.parent_pid()));
          CHECK(mine.thread().mm == me.mm().id());
          co_return 0;
        });
    CHECK(child == 3);
    CHECK(self.pid() == 2);
    CHECK(ctx.now() - before == 20us + 6 * 50ns);
    co_await wait_any(ctx);
    co_return 0;
  });
  CHECK(s.log == "child 3 of 2");
}

TEST_CASE("descriptors are copied and what is behind them is shared: positions and flags too") {
  ProcessScene s(1);
  s.play([](Sleepable& ctx, Process& self) -> Task<std::int32_t> {
    const FilePtr file{new File};
    for (int i = 0; i < 3; ++i) CHECK(self.files().install(file) == i);
    CHECK(self.files().remove(1));
    co_await sys_fork(ctx, [](Sleepable&, Process& me) -> Task<std::int32_t> {
      CHECK(me.files().open_count() == 2);
      CHECK(me.files().install(FilePtr{new File}) == 1);  // the lowest that was free
      const Result<FilePtr> same = me.files().get(0);
      (*same)->position = 7;
      (*same)->nonblocking = true;
      CHECK(me.files().remove(2));
      co_return 0;
    });
    co_await wait_any(ctx);
    CHECK(file->position == 7);
    CHECK(file->nonblocking);
    CHECK(file->references == 3);  // two descriptors, and this test
    CHECK(self.files().get(1) == tl::make_unexpected(Errno::ebadf));
    CHECK(self.files().get(2));
    co_return 0;
  });
}

TEST_CASE("a child has its parent's dispositions and mask and none of its pending signals") {
  ProcessScene s(1);
  s.play([&s](Sleepable& ctx, Process& self) -> Task<std::int32_t> {
    co_await sys_rt_sigaction(ctx, kSigUsr1, {.handler = [&s](Sleepable&, const SigInfo&) {
                                s.note("handled");
                                return Task<void>::ready();
                              }});
    co_await sys_rt_sigaction(ctx, kSigTerm, {.ignored = true});
    co_await sys_rt_sigprocmask(ctx, SigHow::block, SigSet::of(kSigUsr1));
    co_await sys_kill_pid(ctx, self.pid(), kSigUsr1);
    co_await sys_fork(ctx, [&s](Sleepable& mine, Process& me) -> Task<std::int32_t> {
      CHECK(me.signals().queued() == 0);
      CHECK(mine.thread().signals->waiting().empty());
      co_await sys_kill_pid(mine, me.pid(), kSigTerm);
      co_await sys_kill_pid(mine, me.pid(), kSigUsr1);
      s.note("blocked");
      co_await sys_rt_sigprocmask(mine, SigHow::set, {});
      co_return 0;
    });
    const auto [pid, status] = co_await wait_any(ctx);
    CHECK(status == 0);
    CHECK(ctx.thread().signals->waiting().has(kSigUsr1));
    co_return 0;
  });
  CHECK(s.log == "blocked handled");
}

TEST_CASE("of several threads the child has the one that forked and its scheduling") {
  ProcessScene s(2);
  s.play([](Sleepable& ctx, Process& self) -> Task<std::int32_t> {
    ctx.thread().weight = kNiceWeights[25];
    co_await sys_clone_thread(ctx, [](Sleepable& mine, Process&) -> Task<std::int32_t> {
      co_await sys_nanosleep(mine, 1us);
      co_return 0;
    });
    co_await sys_fork(ctx, [](Sleepable& mine, Process& me) -> Task<std::int32_t> {
      CHECK(me.threads() == 1);
      CHECK(mine.thread().weight == kNiceWeights[25]);
      co_return 0;
    });
    CHECK(self.threads() == 2);
    co_await wait_any(ctx);
    co_return 0;
  });
}

TEST_CASE("RLIMIT_NPROC and threads-max and numbers that are all taken make fork EAGAIN") {
  const auto try_it = [](ProcessScene& s, const Rlimits& limits, std::int64_t forks) {
    s.play(
        [&](Sleepable& ctx, Process& self) -> Task<std::int32_t> {
          const auto waits = [](Sleepable& mine, Process&) -> Task<std::int32_t> {
            co_await pause(mine);
            co_return 0;
          };
          std::int64_t made = 0;
          Value child = 0;
          std::vector<Pid> pids;
          while ((child = co_await sys_fork(ctx, waits))) {
            pids.push_back(static_cast<Pid>(*child));
            ++made;
          }
          CHECK(child == error(Errno::eagain));
          CHECK(made == forks);
          CHECK(self.table().threads() == static_cast<std::uint64_t>(forks) + 1);
          co_await sys_kill_pid(ctx, pids.front(), kSigKill);
          const auto [pid, status] = co_await wait_any(ctx);
          CHECK(status == killed_by(kSigKill));
          child = co_await sys_fork(ctx, waits);  // there is room again
          CHECK(child);
          pids.front() = static_cast<Pid>(*child);
          for (const Pid each : pids) co_await sys_kill_pid(ctx, each, kSigKill);
          co_return 0;
        },
        limits);
  };
  ProcessScene nproc;
  try_it(nproc, Rlimits{}.with(Rlimit::nproc, 4), 3);
  ProcessScene threads(2, 3);
  try_it(threads, {}, 2);
  ProcessScene pids(2, 100, 6);
  try_it(pids, {}, 3);
}

TEST_CASE("a fork that finds no memory is ENOMEM and leaves all as it was") {
  for (std::uint64_t at = 1; at <= 3; ++at) {
    ProcessScene s(1);
    FailAllocation oracle(at + 3);
    s.rig.timeline.choices().ask(&oracle);
    s.play([&s](Sleepable& ctx, Process& self) -> Task<std::int32_t> {
      const UserAddr at_page = co_await touched(ctx, self.mm(), 3);
      PinnedPages pins;
      co_await self.mm().pin_user_pages_fast(ctx, at_page, 1, UserAccess::write, false, pins);
      const std::uint64_t before = s.rig.memory.pages_in_use();
      const Value none =
          co_await sys_fork(ctx, [](Sleepable&, Process&) -> Task<std::int32_t> { co_return 0; });
      CHECK(none == error(Errno::enomem));
      CHECK(s.rig.memory.pages_in_use() == before);
      CHECK(self.table().size() == 1);
      CHECK(self.table().threads() == 1);
      const auto [pid, status] = co_await wait_any(ctx);
      CHECK(pid == error(Errno::echild));
      for (std::uint64_t i = 0; i < 3; ++i) co_await put(ctx, self.mm(), at_page + i * kPage, 'w');
      CHECK(s.rig.memory.pages_in_use() == before);
      AddressSpace::unpin(pins);
      co_return 0;
    });
    CHECK(oracle.failed());
    CHECK(s.rig.memory.pages_in_use() == 0);
  }
}

TEST_CASE("limits are inherited and obeyed and may be lowered by who has no privileges alone") {
  ProcessScene s(1);
  const Rlimits limits = Rlimits{}
                             .with(Rlimit::nofile, 8, 16)
                             .with(Rlimit::memlock, 2 * kPage, 4 * kPage)
                             .with(Rlimit::sigpending, 2, 4);
  s.play(
      [](Sleepable& ctx, Process& self) -> Task<std::int32_t> {
        CHECK(self.files().limit() == 8);
        const RlimitPair four{4, 16};
        RlimitPair old;
        const Value lowered = co_await sys_prlimit(ctx, Rlimit::nofile, &four, &old);
        CHECK(lowered == 0);
        CHECK(old == RlimitPair{8, 16});
        const RlimitPair above_max{17, 16};
        const Value invalid = co_await sys_prlimit(ctx, Rlimit::nofile, &above_max, nullptr);
        CHECK(invalid == error(Errno::einval));
        const RlimitPair raised{4, 17};
        const Value not_permitted = co_await sys_prlimit(ctx, Rlimit::nofile, &raised, nullptr);
        CHECK(not_permitted == error(Errno::eperm));
        const RlimitPair one_page{kPage, 4 * kPage};
        co_await sys_prlimit(ctx, Rlimit::memlock, &one_page, nullptr);
        const RlimitPair one_signal{1, 4};
        co_await sys_prlimit(ctx, Rlimit::sigpending, &one_signal, nullptr);
        const UserAddr at = co_await touched(ctx, self.mm(), 2);
        co_await sys_fork(ctx, [at](Sleepable& mine, Process& me) -> Task<std::int32_t> {
          for (int i = 0; i < 4; ++i) CHECK(me.files().install(FilePtr{new File}) == i);
          CHECK(me.files().install(FilePtr{new File}) == tl::make_unexpected(Errno::emfile));
          PinnedPages pins;
          const Value two =
              co_await me.mm().pin_user_pages_fast(mine, at, 2, UserAccess::read, true, pins);
          CHECK(two == error(Errno::enomem));
          co_await sys_rt_sigprocmask(mine, SigHow::block, SigSet::of(40));
          const Value queued = co_await sys_rt_sigqueueinfo(mine, me.signals(), 40, 1);
          CHECK(queued == 0);
          const Value full = co_await sys_rt_sigqueueinfo(mine, me.signals(), 40, 2);
          CHECK(full == error(Errno::eagain));
          co_return 0;
        });
        co_await wait_any(ctx);
        co_return 0;
      },
      limits);
}

TEST_CASE("a descriptor above a lowered limit stays open and its number is not given out again") {
  FileTable files(8);
  for (int i = 0; i < 4; ++i) CHECK(files.install(FilePtr{new File}) == i);
  files.set_limit(2);
  CHECK(files.get(3));
  CHECK(files.remove(3));
  CHECK(files.install(FilePtr{new File}) == tl::make_unexpected(Errno::emfile));
  CHECK(files.remove(1));
  CHECK(files.install(FilePtr{new File}) == 1);
}
