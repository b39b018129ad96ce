// SPDX-License-Identifier: Apache-2.0
// Families of processes that fork, end, kill, stop and wait at random: whatever happens, all of it
// can be ended, and nothing is left.
#include "model/explore/random_walk.h"
#include "tests/model/kernel/process/scene.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

constexpr std::uint64_t kPages = 4;

struct Walk : ProcessScene {
  explicit Walk(std::uint64_t seed) : ProcessScene(3), state(seed * 2 + 1) {
    KernelCosts& costs = rig.system.costs;
    for (Cost* const cost :
         {&costs.fork_call, &costs.fork_page, &costs.process_exit, &costs.process_reap,
          &costs.wait_call, &costs.thread_create, &costs.thread_exit, &costs.page_fault_cow,
          &costs.page_fault_reuse, &costs.page_fault_minor, &costs.syscall_entry,
          &costs.syscall_exit, &costs.signal_send, &costs.signal_queue, &costs.try_to_wake_up,
          &costs.context_switch, &costs.file_close, &costs.page_unmap, &costs.page_pin})
      cost->each = std::chrono::nanoseconds(random(300));
  }
  std::uint64_t random(std::uint64_t below) {
    state = state * 6'364'136'223'846'793'005ull + 1'442'695'040'888'963'407ull;
    return (state >> 33) % below;
  }
  /// Some process, perhaps one that is gone.
  Pid somebody() { return static_cast<Pid>(3 + random(static_cast<std::uint64_t>(newest))); }

  std::uint64_t state;
  UserAddr at = 0;
  Pid newest = 3;
  std::uint64_t made = 0;
};

Task<std::int32_t> live(Sleepable& ctx, Process& self, Walk& s);

UserCode life(Walk& s) {
  return [&s](Sleepable& ctx, Process& self) { return live(ctx, self, s); };
}

Task<void> touch(Sleepable& ctx, Process& self, Walk& s) {
  const std::array<std::byte, 1> byte{std::byte(s.random(256))};
  const UserAddr where = s.at + s.random(kPages) * kPage;
  co_await copy_to_user(ctx, self.mm(), where, byte, CacheState::hot);
}

Task<void> signal_somebody(Sleepable& ctx, Walk& s) {
  constexpr std::int32_t kNumbers[] = {kSigKill, kSigTerm, kSigStop, kSigCont,
                                       kSigTstp, kSigUsr1, kSigQuit, kSigCont};
  co_await sys_kill_pid(ctx, s.somebody(), kNumbers[s.random(std::size(kNumbers))]);
}

Task<void> fork_once(Sleepable& ctx, Walk& s) {
  if (s.made >= 40) co_return;
  ++s.made;
  const Value child = co_await sys_fork(ctx, life(s));
  if (child) s.newest = std::max(s.newest, static_cast<Pid>(*child));
}

Task<void> act(Sleepable& ctx, Process& self, Walk& s) {
  switch (s.random(9)) {
    case 0:
    case 1:
      co_return co_await fork_once(ctx, s);
    case 2:
      if (self.threads() < 4) co_await sys_clone_thread(ctx, life(s));
      co_return;
    case 3:
      co_return co_await signal_somebody(ctx, s);
    case 4:
      co_await wait_any(ctx, s.random(2) == 0 ? kWNohang : kWStopped | kWContinued);
      co_return;
    case 5:
      co_await sys_nanosleep(ctx, std::chrono::nanoseconds(s.random(2000)));
      co_return;
    case 6: {
      const Result<int> fd = self.files().install(FilePtr{new File});
      if (fd && s.random(2) == 0)
        co_await syscall(ctx, Sysno::close, close_file(ctx, self.files(), *fd));
      co_return;
    }
    case 7:
      co_await sys_rt_sigaction(ctx, kSigUsr1, caught());
      co_return;
    default:
      co_return co_await touch(ctx, self, s);
  }
}

Task<std::int32_t> live(Sleepable& ctx, Process& self, Walk& s) {
  co_await sys_rt_sigprocmask(ctx, SigHow::set, {});
  for (std::uint64_t left = 3 + s.random(12); left > 0; --left) co_await act(ctx, self, s);
  if (s.random(3) == 0) co_await sys_exit(ctx, 1);
  co_return static_cast<std::int32_t>(s.random(256));
}

// Lets them live, then kills all that are left.
Task<std::int32_t> govern(Sleepable& ctx, Process& self, Walk& s) {
  co_await sys_rt_sigprocmask(ctx, SigHow::set, ~SigSet{});
  const Result<UserAddr> at = co_await self.mm().mmap(ctx, kPages * kPage, Prot::write);
  s.at = *at;
  for (std::uint64_t i = 0; i < kPages; ++i)
    co_await self.mm().handle_mm_fault(ctx, s.at + i * kPage, UserAccess::write);
  Value first = fail(Errno::enomem);
  while (!first) first = co_await sys_fork(ctx, life(s));  // memory may run out
  s.newest = static_cast<Pid>(*first);
  co_await sys_nanosleep(ctx, std::chrono::nanoseconds(s.random(60'000)));
  s.made = 40;
  while (s.table.size() > 1) {
    for (Pid pid = 3; pid <= s.newest + 1; ++pid) co_await sys_kill_pid(ctx, pid, kSigKill);
    co_await wait_any(ctx, kWNohang);
    co_await sys_nanosleep(ctx, 1us);
  }
  co_return 0;
}

}  // namespace

TEST_CASE("families of processes that do anything at any time leave nothing when they are killed") {
  std::uint64_t forks = 0;
  std::uint64_t copies = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    Walk s(seed);
    explore::RandomWalk oracle(seed);
    if (seed % 2 == 0) s.rig.timeline.choices().ask(&oracle);
    const std::int32_t status =
        s.play([&s](Sleepable& ctx, Process& self) { return govern(ctx, self, s); });
    s.rig.timeline.choices().ask(nullptr);
    CHECK(status == 0);
    forks += s.init_has.size() + s.rig.system.costs.process_reap.count;
    copies += s.rig.system.costs.page_fault_cow.count;
    CHECK(s.rig.memory.pages_in_use() == 0);
    for (std::size_t i = 0; i < s.rig.system.cpus.size(); ++i) CHECK(s.rig.cpu(i).idle());
  }
  CHECK(forks > 1000);
  CHECK(copies > 300);
}
