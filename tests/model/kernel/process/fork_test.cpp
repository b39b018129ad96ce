// SPDX-License-Identifier: Apache-2.0
#include <cstring>

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

Task<char> get(Sleepable& ctx, AddressSpace& mm, UserAddr at) {
  std::array<std::byte, 1> byte{};
  const std::uint64_t left = co_await copy_from_user(ctx, mm, byte, at, CacheState::hot);
  CHECK(left == 0);
  co_return static_cast<char>(byte[0]);
}

void fault_costs(ProcessScene& s) {
  KernelCosts& costs = s.rig.system.costs;
  costs.page_fault_minor.each = 1000ns;
  costs.page_fault_cow.each = 1500ns;
  costs.page_fault_reuse.each = 600ns;
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

TEST_CASE("after a fork neither sees what the other writes and unwritten pages stay shared") {
  ProcessScene s(1);
  fault_costs(s);
  s.play([&s](Sleepable& ctx, Process& self) -> Task<std::int32_t> {
    const UserAddr at = co_await touched(ctx, self.mm(), 3);
    for (std::uint64_t i = 0; i < 3; ++i) co_await put(ctx, self.mm(), at + i * kPage, 'a');
    const std::uint64_t before = s.rig.memory.pages_in_use();
    co_await sys_fork(ctx, [at, &s, before](Sleepable& mine, Process& me) -> Task<std::int32_t> {
      CHECK(s.rig.memory.pages_in_use() == before);
      const SimTime start = mine.now();
      co_await put(mine, me.mm(), at, 'c');
      CHECK(mine.now() - start == 1500ns + 1ns);
      CHECK(s.rig.memory.pages_in_use() == before + 1);
      co_await put(mine, me.mm(), at, 'd');
      CHECK(mine.now() - start == 1500ns + 2ns);
      const char second = co_await get(mine, me.mm(), at + kPage);
      CHECK(second == 'a');
      co_await sys_nanosleep(mine, 10us);
      const char third = co_await get(mine, me.mm(), at + 2 * kPage);
      CHECK(third == 'a');
      co_return 0;
    });
    co_await sys_nanosleep(ctx, 5us);
    const char first = co_await get(ctx, self.mm(), at);
    CHECK(first == 'a');
    co_await put(ctx, self.mm(), at + 2 * kPage, 'p');
    co_await wait_any(ctx);
    const char mine = co_await get(ctx, self.mm(), at + 2 * kPage);
    CHECK(mine == 'p');
    co_return 0;
  });
  CHECK(s.rig.system.costs.page_fault_cow.count == 2);
  CHECK(s.rig.memory.pages_in_use() == 0);
}

TEST_CASE("who is left alone with a shared page keeps it for less than a copy") {
  ProcessScene s(1);
  fault_costs(s);
  s.play([&s](Sleepable& ctx, Process& self) -> Task<std::int32_t> {
    const UserAddr at = co_await touched(ctx, self.mm(), 1);
    const std::uint64_t before = s.rig.memory.pages_in_use();
    co_await sys_fork(ctx, [](Sleepable&, Process&) -> Task<std::int32_t> { co_return 0; });
    co_await wait_any(ctx);
    const SimTime start = ctx.now();
    co_await put(ctx, self.mm(), at, 'x');
    CHECK(ctx.now() - start == 601ns);
    CHECK(s.rig.memory.pages_in_use() == before);
    co_return 0;
  });
}

TEST_CASE("a shared page does not become writable by mprotect and rights of the two are apart") {
  ProcessScene s(1);
  s.play([](Sleepable& ctx, Process& self) -> Task<std::int32_t> {
    const UserAddr at = co_await touched(ctx, self.mm(), 1);
    co_await put(ctx, self.mm(), at, 'a');
    co_await sys_fork(ctx, [at](Sleepable& mine, Process& me) -> Task<std::int32_t> {
      co_await me.mm().mprotect(mine, at, kPage, Prot::read);
      co_await me.mm().mprotect(mine, at, kPage, Prot::write);
      CHECK(me.mm().follow_page(at, UserAccess::write) == nullptr);
      co_await put(mine, me.mm(), at, 'c');
      co_await me.mm().mprotect(mine, at, kPage, Prot::none);
      const Errno fault = co_await me.mm().handle_mm_fault(mine, at, UserAccess::read);
      CHECK(fault == Errno::efault);
      co_await me.mm().munmap(mine, at, kPage);
      co_return 0;
    });
    co_await wait_any(ctx);
    const char still = co_await get(ctx, self.mm(), at);
    CHECK(still == 'a');
    co_return 0;
  });
  CHECK(s.rig.memory.pages_in_use() == 0);
}

TEST_CASE("a page that was only read is the zero page in both and written by each alone") {
  ProcessScene s(1);
  s.play([](Sleepable& ctx, Process& self) -> Task<std::int32_t> {
    const Result<UserAddr> at = co_await self.mm().mmap(ctx, kPage, Prot::write);
    const char zero = co_await get(ctx, self.mm(), *at);
    CHECK(zero == 0);
    co_await sys_fork(ctx, [at = *at](Sleepable& mine, Process& me) -> Task<std::int32_t> {
      co_await put(mine, me.mm(), at, 'c');
      co_return 0;
    });
    co_await wait_any(ctx);
    const char still = co_await get(ctx, self.mm(), *at);
    CHECK(still == 0);
    co_await put(ctx, self.mm(), *at, 'p');
    co_return 0;
  });
  CHECK(s.rig.memory.pages_in_use() == 0);
}

TEST_CASE("a page pinned at the fork stays the parent's: the child has a copy from the start") {
  for (const bool long_term : {false, true}) {
    ProcessScene s(1);
    fault_costs(s);
    s.play([&s, long_term](Sleepable& ctx, Process& self) -> Task<std::int32_t> {
      AddressSpace& mm = self.mm();
      const UserAddr at = co_await touched(ctx, mm, 2);
      co_await put(ctx, mm, at, 'a');
      PinnedPages pins;
      const Value one =
          co_await mm.pin_user_pages_fast(ctx, at, 1, UserAccess::write, long_term, pins);
      CHECK(one == 1);
      const SimTime before = ctx.now();
      co_await sys_fork(ctx, [at, long_term](Sleepable& mine, Process& me) -> Task<std::int32_t> {
        CHECK(me.mm().pinned_pages() == 0);
        CHECK(me.mm().locked_pages() == 0);
        co_await sys_nanosleep(mine, 3us);
        const char copied = co_await get(mine, me.mm(), at);
        CHECK(copied == 'a');
        CHECK(me.mm().follow_page(at, UserAccess::write) != nullptr);
        CHECK(me.mm().follow_page(at + kPage, UserAccess::write) == nullptr);
        co_return 0;
      });
      CHECK(ctx.now() - before == 1500ns);
      // A device writes: the parent sees it, without a fault.
      s.rig.memory.bytes(pins.addresses()[0], 1)[0] = std::byte{'d'};
      CHECK(mm.follow_page(at, UserAccess::write)->address == pins.addresses()[0]);
      const char device = co_await get(ctx, mm, at);
      CHECK(device == 'd');
      CHECK(mm.locked_pages() == (long_term ? 1 : 0));
      co_await wait_any(ctx);
      AddressSpace::unpin(pins);
      co_return 0;
    });
    CHECK(s.rig.memory.pages_in_use() == 0);
  }
}

TEST_CASE(
    "a pin after the fork takes a page of one's own: also for reading; also of who may not "
    "sleep there is none") {
  ProcessScene s(1);
  fault_costs(s);
  s.play([](Sleepable& ctx, Process& self) -> Task<std::int32_t> {
    const UserAddr at = co_await touched(ctx, self.mm(), 1);
    co_await put(ctx, self.mm(), at, 'a');
    co_await sys_fork(
        ctx, [at, &parent = self.mm()](Sleepable& mine, Process& me) -> Task<std::int32_t> {
          PinnedPages pins;
          const std::int64_t none =
              co_await me.mm().pin_user_pages_fast_only(mine, at, 1, UserAccess::read, pins);
          CHECK(none == 0);
          const SimTime before = mine.now();
          const Value one =
              co_await me.mm().pin_user_pages_fast(mine, at, 1, UserAccess::read, false, pins);
          CHECK(one == 1);
          CHECK(mine.now() - before == 1500ns);
          CHECK(pins.addresses()[0] != parent.follow_page(at, UserAccess::read)->address);
          AddressSpace::unpin(pins);
          co_return 0;
        });
    co_await wait_any(ctx);
    co_return 0;
  });
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
