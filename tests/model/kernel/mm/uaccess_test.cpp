// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/mm/uaccess.h"

#include "tests/model/kernel/mm/scene.h"

using namespace iodrome;
using namespace iodrome::kernel;
using events::CpuClass;

namespace {

std::vector<std::byte> pattern(std::size_t size) {
  std::vector<std::byte> all(size);
  for (std::size_t i = 0; i < size; ++i) all[i] = static_cast<std::byte>(i * 7 + 1);
  return all;
}

Task<void> map_two(Sleepable& ctx, MmScene& m) {
  const Result<UserAddr> at = co_await m.mm.mmap(ctx, 2 * kPage, Prot::write);
  m.at = *at;
}

Task<void> touch_first(Sleepable& ctx, MmScene& m) {
  co_await map_two(ctx, m);
  co_await m.mm.handle_mm_fault(ctx, m.at, UserAccess::write);
}

Task<void> copy_from_irq(Atomic& ctx, MmScene& m) {
  const std::uint64_t left =
      co_await copy_to_user_inatomic(ctx, m.mm, m.at + kPage - 10, m.bytes, CacheState::hot);
  m.log.add("left " + std::to_string(left), ctx.now());
}

}  // namespace

TEST_CASE("a thread's copy faults pages in as it meets them, and bytes come back as they went") {
  MmScene s(1);
  s.run(0, [](Sleepable& ctx, MmScene& m) -> Task<void> {
    co_await map_two(ctx, m);
    const std::vector<std::byte> out = pattern(kPage);
    const SimTime before = ctx.now();
    const std::uint64_t left = co_await copy_to_user(ctx, m.mm, m.at + 100, out, CacheState::hot);
    CHECK(left == 0);
    CHECK((ctx.now() - before == 2 * 1000ns + 1ns * kPage));
    CHECK(m.mm.resident_pages() == 2);
    std::vector<std::byte> in(kPage);
    const SimTime again = ctx.now();
    const std::uint64_t rest = co_await copy_from_user(ctx, m.mm, in, m.at + 100, CacheState::hot);
    CHECK(rest == 0);
    CHECK((ctx.now() - again == 1ns * kPage));
    CHECK(in == out);
  });
}

TEST_CASE("a thread's copy returns what lies behind the end of the mapping") {
  MmScene s(1);
  s.run(0, [](Sleepable& ctx, MmScene& m) -> Task<void> {
    co_await map_two(ctx, m);
    const std::vector<std::byte> out = pattern(kPage);
    const std::uint64_t left =
        co_await copy_to_user(ctx, m.mm, m.at + 2 * kPage - 60, out, CacheState::hot);
    CHECK(left == kPage - 60);
    // The kernel's half of the addresses is refused before anything is looked at.
    const SimTime before = ctx.now();
    const std::uint64_t all =
        co_await copy_to_user(ctx, m.mm, AddressSpace::kTaskSize - 1, out, CacheState::hot);
    CHECK(all == kPage);
    CHECK(ctx.now() == before);
    co_await m.mm.mprotect(ctx, m.at, 2 * kPage, Prot::read);
    const std::uint64_t read_only = co_await copy_to_user(ctx, m.mm, m.at, out, CacheState::hot);
    CHECK(read_only == kPage);
  });
}

TEST_CASE("a hardirq copies up to the first absent page and maps nothing") {
  MmScene s(1);
  s.rig.system.scheduler.idle_exit_latency = Duration{0};
  s.run(0, touch_first);
  s.bytes = pattern(30);
  s.rig.irq_at(1ms, 0, s.rig.action<MmScene>(s, copy_from_irq));
  s.rig.run();
  CHECK(s.log.text == "left 20@1000410");  // ten bytes and a fault that was not served
  CHECK(s.mm.resident_pages() == 1);
}

TEST_CASE("a hardirq on a CPU that has another address space loaded copies nothing") {
  MmScene s(2);
  s.run(0, touch_first);
  s.bytes = pattern(5);
  s.rig.irq_at(1ms, 1, s.rig.action<MmScene>(s, copy_from_irq));
  s.rig.irq_at(2ms, 0, s.rig.action<MmScene>(s, copy_from_irq));
  s.rig.run();
  CHECK(s.log.text == "left 5@1000000 left 0@2000005");
}

TEST_CASE("a kernel thread copies in the address space it borrows, and pays for loading it once") {
  MmScene s(1);
  AddressSpace other(s.rig.system, 0);
  s.run(0, touch_first);
  s.rig.system.costs.mm_switch = Cost{90ns};
  s.bytes = pattern(64);
  s.run(
      0,
      [](Sleepable& ctx, MmScene& m) -> Task<void> {
        SimTime before = ctx.now();
        co_await kthread_use_mm(ctx, m.mm);  // the CPU still has it loaded
        CHECK(ctx.now() == before);
        const std::uint64_t left = co_await copy_to_user(ctx, m.mm, m.at, m.bytes, CacheState::hot);
        CHECK(left == 0);
        kthread_unuse_mm(ctx, m.mm);
        CHECK_THROWS_WITH(kthread_unuse_mm(ctx, m.mm), Catch::Contains("not borrowed"));
      },
      CpuClass::kthread);
  struct Both {
    MmScene& scene;
    AddressSpace& other;
  } both{s, other};
  s.rig.thread<Both>(
      0, both,
      [](Sleepable& ctx, Both& b) -> Task<void> {
        const SimTime before = ctx.now();
        co_await kthread_use_mm(ctx, b.other);
        CHECK((ctx.now() - before == 90ns));
        kthread_unuse_mm(ctx, b.other);
        co_await kthread_use_mm(ctx, b.scene.mm);
        CHECK((ctx.now() - before == 180ns));
        kthread_unuse_mm(ctx, b.scene.mm);
      },
      CpuClass::kthread);
  s.rig.run();
  CHECK(s.rig.system.costs.mm_switch.count == 2);
}

TEST_CASE("a thread that copies in an address space which is not its own is a bug") {
  MmScene s(1);
  s.run(
      0,
      [](Sleepable& ctx, MmScene& m) -> Task<void> {
        bool caught = false;
        try {
          co_await copy_from_user(ctx, m.mm, m.bytes, 0, CacheState::hot);
        } catch (const InternalError&) {
          caught = true;
        }
        CHECK(caught);
      },
      CpuClass::kthread);
}
