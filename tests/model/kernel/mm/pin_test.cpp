// SPDX-License-Identifier: Apache-2.0
#include "tests/model/kernel/mm/scene.h"

using namespace iodrome;
using namespace iodrome::kernel;
using events::CpuClass;

namespace {

// Maps `pages`, writable, and touches the first `touched` of them.
Task<UserAddr> map(Sleepable& ctx, MmScene& m, std::uint64_t pages, std::uint64_t touched) {
  const Result<UserAddr> at = co_await m.mm.mmap(ctx, pages * kPage, Prot::write);
  for (std::uint64_t i = 0; i < touched; ++i)
    co_await m.mm.handle_mm_fault(ctx, *at + i * kPage, UserAccess::write);
  co_return *at;
}

}  // namespace

TEST_CASE("pinning costs its share for each resident page and a fault for each absent one") {
  MmScene s(1);
  s.run(0, [](Sleepable& ctx, MmScene& m) -> Task<void> {
    const UserAddr at = co_await map(ctx, m, 4, 2);
    const SimTime before = ctx.now();
    const Result<std::int64_t> got =
        co_await m.mm.pin_user_pages_fast(ctx, at + 5, 4, UserAccess::write, false, m.pins);
    CHECK(got == 4);
    CHECK((ctx.now() - before == 4 * 100ns + 2 * 1000ns));
    CHECK(m.mm.pinned_pages() == 4);
    CHECK(m.mm.locked_pages() == 0);
    CHECK(m.pins.addresses().size() == 4);
    CHECK(m.pins.addresses()[1] == m.mm.follow_page(at + kPage, UserAccess::write)->address);
    AddressSpace::unpin(m.pins);
    CHECK(m.mm.pinned_pages() == 0);
  });
}

TEST_CASE("pins end at the first page that cannot be had, and none at all is EFAULT") {
  MmScene s(1);
  s.run(0, [](Sleepable& ctx, MmScene& m) -> Task<void> {
    const UserAddr at = co_await map(ctx, m, 3, 1);
    const Result<std::int64_t> some =
        co_await m.mm.pin_user_pages_fast(ctx, at, 5, UserAccess::write, true, m.pins);
    CHECK(some == 3);
    CHECK(m.mm.locked_pages() == 3);
    AddressSpace::unpin(m.pins);
    const Result<std::int64_t> none =
        co_await m.mm.pin_user_pages_fast(ctx, at + 3 * kPage, 1, UserAccess::read, true, m.pins);
    CHECK(none == Result<std::int64_t>(fail(Errno::efault)));
    co_await m.mm.mprotect(ctx, at, 3 * kPage, Prot::read);
    const Result<std::int64_t> to_write =
        co_await m.mm.pin_user_pages_fast(ctx, at, 1, UserAccess::write, false, m.pins);
    CHECK(to_write == Result<std::int64_t>(fail(Errno::efault)));
    const Result<std::int64_t> no_user = co_await m.mm.pin_user_pages_fast(
        ctx, AddressSpace::kTaskSize, 1, UserAccess::read, false, m.pins);
    CHECK(no_user == Result<std::int64_t>(fail(Errno::efault)));
    CHECK(m.mm.pinned_pages() == 0);
    CHECK(m.mm.locked_pages() == 0);
  });
}

TEST_CASE("long-term pins count against RLIMIT_MEMLOCK; beyond it there is ENOMEM and no pin") {
  MmScene s(1, 4 * kPage);
  s.run(0, [](Sleepable& ctx, MmScene& m) -> Task<void> {
    const UserAddr at = co_await map(ctx, m, 8, 0);
    PinnedPages more;
    const Result<std::int64_t> three =
        co_await m.mm.pin_user_pages_fast(ctx, at, 3, UserAccess::write, true, m.pins);
    CHECK(three == 3);
    const Result<std::int64_t> over =
        co_await m.mm.pin_user_pages_fast(ctx, at, 2, UserAccess::write, true, more);
    CHECK(over == Result<std::int64_t>(fail(Errno::enomem)));
    const Result<std::int64_t> brief =
        co_await m.mm.pin_user_pages_fast(ctx, at, 8, UserAccess::write, false, more);
    CHECK(brief == 8);  // those of one I/O do not count
    AddressSpace::unpin(more);
    AddressSpace::unpin(m.pins);
    const Result<std::int64_t> four =
        co_await m.mm.pin_user_pages_fast(ctx, at, 4, UserAccess::write, true, m.pins);
    CHECK(four == 4);
    AddressSpace::unpin(m.pins);
    CHECK(m.mm.locked_pages() == 0);
  });
}

TEST_CASE("a pinned page outlives its mapping, and what maps there next is another") {
  MmScene s(1);
  s.run(0, [](Sleepable& ctx, MmScene& m) -> Task<void> {
    const std::size_t before = m.rig.memory.pages_in_use();
    const UserAddr at = co_await map(ctx, m, 1, 0);
    co_await m.mm.pin_user_pages_fast(ctx, at, 1, UserAccess::write, false, m.pins);
    co_await m.mm.munmap(ctx, at, kPage);
    CHECK(m.rig.memory.pages_in_use() == before + 1);
    const hw::PhysAddr pinned = m.pins.addresses()[0];
    const UserAddr again = co_await map(ctx, m, 1, 1);
    CHECK(again == at);
    CHECK(m.mm.follow_page(again, UserAccess::write)->address != pinned);
    AddressSpace::unpin(m.pins);
    CHECK(m.rig.memory.pages_in_use() == before + 1);
    co_await m.mm.munmap(ctx, again, kPage);
    CHECK(m.rig.memory.pages_in_use() == before);
  });
}

TEST_CASE("a hardirq pins what is resident, and nothing that would need a fault") {
  MmScene s(1);
  s.run(0, [](Sleepable& ctx, MmScene& m) -> Task<void> { m.at = co_await map(ctx, m, 3, 2); });
  IrqAction& handler = s.rig.action<MmScene>(s, [](Atomic& ctx, MmScene& m) -> Task<void> {
    const std::int64_t two =
        co_await m.mm.pin_user_pages_fast_only(ctx, m.at, 3, UserAccess::write, m.pins);
    CHECK(two == 2);
    AddressSpace::unpin(m.pins);
    const std::int64_t none =
        co_await m.mm.pin_user_pages_fast_only(ctx, m.at + 2 * kPage, 1, UserAccess::read, m.pins);
    CHECK(none == 0);
  });
  s.rig.irq_at(1ms, 0, handler);
  s.rig.run();
  CHECK(s.rig.spent(0, CpuClass::hardirq) == 200ns);
  CHECK(s.mm.pinned_pages() == 0);
  CHECK(s.mm.resident_pages() == 2);
}

TEST_CASE("an address space that ends with pins or borrowers is a bug") {
  Rig rig(1);
  const auto with_pins = [&] {
    struct State {
      AddressSpace mm;
      PinnedPages pins;
    } state{.mm = {rig.system, 0}, .pins = {}};
    rig.thread<State>(0, state, [](Sleepable& ctx, State& of) -> Task<void> {
      const Result<UserAddr> at = co_await of.mm.mmap(ctx, kPage, Prot::read);
      co_await of.mm.pin_user_pages_fast(ctx, *at, 1, UserAccess::read, false, of.pins);
    });
    rig.run();
  };
  CHECK_THROWS_WITH(with_pins(), Catch::Contains("pinned pages"));
  const auto with_borrower = [&] { AddressSpace(rig.system, 0).mmget(); };
  CHECK_THROWS_WITH(with_borrower(), Catch::Contains("kernel thread works on it"));
}

TEST_CASE("access to a remote address space faults, copies page by page and stops at a hole") {
  MmScene s(1);
  s.rig.system.costs.mm_switch.each = 1ms;
  s.run(0, [](Sleepable& ctx, MmScene& m) -> Task<void> { m.at = co_await map(ctx, m, 2, 0); });
  s.run(
      0,
      [](Sleepable& ctx, MmScene& m) -> Task<void> {
        std::vector<std::byte> out(kPage + 100, std::byte{7});
        const SimTime before = ctx.now();
        const std::uint64_t written = co_await m.mm.write_remote(ctx, m.at + 50, out);
        CHECK(written == kPage + 100);
        // 1 GB/s: a nanosecond a byte. Nobody's address space was switched.
        CHECK((ctx.now() - before == 2 * 1100ns + 1ns * (kPage + 100)));
        std::vector<std::byte> in(kPage, std::byte{0});
        const std::uint64_t read = co_await m.mm.read_remote(ctx, m.at + kPage + 100, in);
        CHECK(read == kPage - 100);
        CHECK(in[49] == std::byte{7});
        CHECK(in[50] == std::byte{0});
      },
      CpuClass::kthread);
}
