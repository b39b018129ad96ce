// SPDX-License-Identifier: Apache-2.0
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
    const hw::PhysAddr page = self.mm().follow_page(at, UserAccess::read)->address;
    co_await put(ctx, self.mm(), at, 'x');
    CHECK(ctx.now() - start == 601ns);
    CHECK(self.mm().follow_page(at, UserAccess::write)->address == page);
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

TEST_CASE("a page that was pinned once and is no more is shared by a fork") {
  ProcessScene s(1);
  s.play([&s](Sleepable& ctx, Process& self) -> Task<std::int32_t> {
    const UserAddr at = co_await touched(ctx, self.mm(), 1);
    PinnedPages pins;
    co_await self.mm().pin_user_pages_fast(ctx, at, 1, UserAccess::write, false, pins);
    AddressSpace::unpin(pins);
    const std::uint64_t before = s.rig.memory.pages_in_use();
    co_await sys_fork(ctx, [](Sleepable& mine, Process&) -> Task<std::int32_t> {
      co_await sys_nanosleep(mine, 1us);
      co_return 0;
    });
    CHECK(s.rig.memory.pages_in_use() == before);
    co_await wait_any(ctx);
    co_return 0;
  });
}
