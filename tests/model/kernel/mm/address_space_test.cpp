// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/mm/address_space.h"

#include "model/explore/random_walk.h"
#include "model/kernel/syscall.h"
#include "tests/model/kernel/fail_allocation.h"
#include "tests/model/kernel/mm/scene.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

template <class T>
Errno error_of(const Result<T>& result) {
  return result ? Errno::ok : result.error();
}

}  // namespace

TEST_CASE("mmap makes nothing resident; the first touch does, at the price of a minor fault") {
  MmScene s(1);
  s.run(0, [](Sleepable& ctx, MmScene& m) -> Task<void> {
    const Result<UserAddr> at = co_await m.mm.mmap(ctx, 3 * kPage, Prot::write);
    CHECK(m.mm.resident_pages() == 0);
    CHECK(m.mm.follow_page(*at, UserAccess::read) == nullptr);
    const SimTime before = ctx.now();
    const Errno touched = co_await m.mm.handle_mm_fault(ctx, *at + kPage + 17, UserAccess::write);
    CHECK(touched == Errno::ok);
    CHECK((ctx.now() - before == 1000ns));
    CHECK(m.mm.resident_pages() == 1);
    CHECK(m.mm.follow_page(*at + kPage, UserAccess::write) != nullptr);
    CHECK(m.mm.follow_page(*at, UserAccess::read) == nullptr);
    CHECK(m.mm.follow_page(*at + 2 * kPage, UserAccess::read) == nullptr);
  });
}

TEST_CASE("a page that was read first is the zero page, and writing it needs a second fault") {
  MmScene s(1);
  s.run(0, [](Sleepable& ctx, MmScene& m) -> Task<void> {
    const Result<UserAddr> at = co_await m.mm.mmap(ctx, 2 * kPage, Prot::write);
    const Errno first = co_await m.mm.handle_mm_fault(ctx, *at, UserAccess::read);
    const Errno second = co_await m.mm.handle_mm_fault(ctx, *at + kPage, UserAccess::read);
    CHECK((first == Errno::ok && second == Errno::ok));
    Page* const zero = m.mm.follow_page(*at, UserAccess::read);
    CHECK(zero == m.mm.follow_page(*at + kPage, UserAccess::read));
    CHECK(m.mm.follow_page(*at, UserAccess::write) == nullptr);
    const Errno third = co_await m.mm.handle_mm_fault(ctx, *at, UserAccess::write);
    CHECK(third == Errno::ok);
    CHECK(m.mm.follow_page(*at, UserAccess::write) != zero);
    CHECK(m.mm.follow_page(*at + kPage, UserAccess::read) == zero);
    // No mprotect makes the zero page writable.
    const Result<std::int64_t> again = co_await m.mm.mprotect(ctx, *at, 2 * kPage, Prot::write);
    CHECK(again == 0);
    CHECK(m.mm.follow_page(*at + kPage, UserAccess::write) == nullptr);
  });
}

TEST_CASE("a fault without a mapping, or one that it forbids, is EFAULT and maps nothing") {
  MmScene s(1);
  s.run(0, [](Sleepable& ctx, MmScene& m) -> Task<void> {
    const Result<UserAddr> at = co_await m.mm.mmap(ctx, kPage, Prot::read);
    const Result<UserAddr> none = co_await m.mm.mmap(ctx, kPage, Prot::none);
    const SimTime before = ctx.now();
    const Errno written = co_await m.mm.handle_mm_fault(ctx, *at, UserAccess::write);
    CHECK(written == Errno::efault);
    CHECK((ctx.now() - before == 400ns));
    const Errno read = co_await m.mm.handle_mm_fault(ctx, *none, UserAccess::read);
    CHECK(read == Errno::efault);
    const Errno outside = co_await m.mm.handle_mm_fault(ctx, *none - 1, UserAccess::read);
    CHECK(outside == Errno::efault);
    CHECK(m.mm.resident_pages() == 0);
  });
}

TEST_CASE("munmap takes the middle out of a mapping, and its pages go back to memory") {
  MmScene s(1);
  s.run(0, [](Sleepable& ctx, MmScene& m) -> Task<void> {
    const std::size_t before = m.rig.memory.pages_in_use();
    const Result<UserAddr> at = co_await m.mm.mmap(ctx, 4 * kPage, Prot::write);
    for (std::uint64_t i = 0; i < 4; ++i)
      co_await m.mm.handle_mm_fault(ctx, *at + i * kPage, UserAccess::write);
    CHECK(m.rig.memory.pages_in_use() == before + 4);
    const SimTime began = ctx.now();
    const Result<std::int64_t> gone = co_await m.mm.munmap(ctx, *at + kPage, kPage + 1);
    CHECK(gone == 0);
    CHECK((ctx.now() - began == 70ns + 2 * 5ns));
    CHECK(m.mm.map_count() == 2);
    CHECK(m.rig.memory.pages_in_use() == before + 2);
    const Errno inside = co_await m.mm.handle_mm_fault(ctx, *at + 2 * kPage, UserAccess::read);
    CHECK(inside == Errno::efault);
    CHECK(m.mm.follow_page(*at + 3 * kPage, UserAccess::write) != nullptr);
    // Nothing is mapped there any more: that is no error.
    const Result<std::int64_t> again = co_await m.mm.munmap(ctx, *at + kPage, 2 * kPage);
    CHECK(again == 0);
    const Result<std::int64_t> all = co_await m.mm.munmap(ctx, *at, 4 * kPage);
    CHECK(all == 0);
    CHECK(m.mm.map_count() == 0);
    CHECK(m.rig.memory.pages_in_use() == before);
  });
}

TEST_CASE("mprotect changes up to a hole and tells ENOMEM; neighbours of equal rights are one") {
  MmScene s(1);
  s.run(0, [](Sleepable& ctx, MmScene& m) -> Task<void> {
    const Result<UserAddr> high = co_await m.mm.mmap(ctx, 2 * kPage, Prot::write);
    const Result<UserAddr> low = co_await m.mm.mmap(ctx, 2 * kPage, Prot::write);
    CHECK(*low + 2 * kPage == *high);
    CHECK(m.mm.map_count() == 1);
    co_await m.mm.handle_mm_fault(ctx, *low + kPage, UserAccess::write);
    const Result<std::int64_t> part = co_await m.mm.mprotect(ctx, *low + kPage, kPage, Prot::read);
    CHECK(part == 0);
    CHECK(m.mm.map_count() == 3);
    CHECK(m.mm.follow_page(*low + kPage, UserAccess::write) == nullptr);
    CHECK(m.mm.follow_page(*low + kPage, UserAccess::read) != nullptr);
    const Result<std::int64_t> over = co_await m.mm.mprotect(ctx, *low, 5 * kPage, Prot::write);
    CHECK(error_of(over) == Errno::enomem);
    CHECK(m.mm.map_count() == 1);
    CHECK(m.mm.follow_page(*low + kPage, UserAccess::write) != nullptr);
  });
}

TEST_CASE("bad arguments of the mapping calls get the errnos of their manual pages") {
  MmScene s(1);
  s.run(0, [](Sleepable& ctx, MmScene& m) -> Task<void> {
    const Result<UserAddr> empty = co_await m.mm.mmap(ctx, 0, Prot::read);
    CHECK(error_of(empty) == Errno::einval);
    const Result<UserAddr> huge = co_await m.mm.mmap(ctx, ~std::uint64_t{0}, Prot::read);
    CHECK(error_of(huge) == Errno::enomem);
    const Result<std::int64_t> odd = co_await m.mm.munmap(ctx, 1, kPage);
    CHECK(error_of(odd) == Errno::einval);
    const Result<std::int64_t> nothing = co_await m.mm.munmap(ctx, kPage, 0);
    CHECK(error_of(nothing) == Errno::einval);
    const Result<std::int64_t> unaligned = co_await m.mm.mprotect(ctx, 1, kPage, Prot::read);
    CHECK(error_of(unaligned) == Errno::einval);
    const Result<std::int64_t> unmapped = co_await m.mm.mprotect(ctx, kPage, kPage, Prot::read);
    CHECK(error_of(unmapped) == Errno::enomem);
  });
}

TEST_CASE("a fault finds no memory below the watermark once nothing can be reclaimed") {
  MmScene s(1);
  s.rig.system.memory_limits = {s.rig.memory.pages_in_use() + 10, 8};
  s.run(0, [](Sleepable& ctx, MmScene& m) -> Task<void> {
    const Result<UserAddr> at = co_await m.mm.mmap(ctx, 8 * kPage, Prot::write);
    std::uint64_t got = 0;
    for (Errno error = Errno::ok; error == Errno::ok;) {
      error = co_await m.mm.handle_mm_fault(ctx, *at + got * kPage, UserAccess::write);
      if (error == Errno::ok) ++got;
    }
    CHECK(got == 2);  // GFP_KERNEL leaves the whole reserve
    // GFP_ATOMIC leaves half of it.
    CHECK_FALSE(below_watermark(ctx.system(), 4, Gfp::atomic));
    CHECK(below_watermark(ctx.system(), 5, Gfp::atomic));
    CHECK_FALSE(allocation_fails(ctx.system(), "test"));
  });
}

TEST_CASE("GFP_KERNEL reclaims and pays for it, GFP_ATOMIC fails at once") {
  struct Stock final : Shrinker {
    explicit Stock(hw::Memory& from) : memory(from) {
      for (int i = 0; i < 100; ++i) pages.push_back(memory.allocate_page());
    }
    std::uint64_t shrink(std::uint64_t count) override {
      std::uint64_t freed = 0;
      for (; freed < count && !pages.empty(); ++freed) {
        memory.free_page(pages.back());
        pages.pop_back();
      }
      return freed;
    }
    hw::Memory& memory;
    std::vector<hw::PhysAddr> pages;
  };
  MmScene s(1);
  Stock stock(s.rig.memory);
  s.rig.system.shrinkers.push_back(&stock);
  s.rig.system.memory_limits = {s.rig.memory.pages_in_use(), 4};
  s.run(0, [](Sleepable& ctx, MmScene& m) -> Task<void> {
    const Result<UserAddr> at = co_await m.mm.mmap(ctx, kPage, Prot::write);
    CHECK(allocation_fails(ctx.system(), "test"));
    const SimTime before = ctx.now();
    const Errno got = co_await m.mm.handle_mm_fault(ctx, *at, UserAccess::write);
    CHECK(got == Errno::ok);
    CHECK((ctx.now() - before == 1000ns + 32 * 3ns));
    CHECK_FALSE(allocation_fails(ctx.system(), "test"));
  });
  CHECK(stock.pages.size() == 68);
}

TEST_CASE("where the oracle lets a user page fail the fault is ENOMEM and nothing is mapped") {
  MmScene s(1);
  FailAllocation oracle(1, "user page");
  s.rig.timeline.choices().ask(&oracle);
  s.run(0, [](Sleepable& ctx, MmScene& m) -> Task<void> {
    const Result<UserAddr> at = co_await m.mm.mmap(ctx, kPage, Prot::write);
    const Errno first = co_await m.mm.handle_mm_fault(ctx, *at, UserAccess::write);
    CHECK(first == Errno::enomem);
    CHECK(m.mm.resident_pages() == 0);
    const Errno second = co_await m.mm.handle_mm_fault(ctx, *at, UserAccess::write);
    CHECK(second == Errno::ok);
  });
  CHECK(oracle.failed());
}

TEST_CASE("threads that fault the same page at once share it, and a fault waits for munmap") {
  MmScene s(3);
  s.thread(0, [](Sleepable& ctx, MmScene& m) -> Task<void> {
    const Result<UserAddr> at = co_await m.mm.mmap(ctx, kPage, Prot::write);
    m.at = *at;
    co_await ctx.spend(m.tick, 10);
    const Errno error = co_await m.mm.handle_mm_fault(ctx, m.at, UserAccess::write);
    CHECK(error == Errno::ok);
    CHECK(m.mm.resident_pages() == 1);
  });
  s.thread(1, [](Sleepable& ctx, MmScene& m) -> Task<void> {
    co_await ctx.spend(m.tick, 20);
    const Errno error = co_await m.mm.handle_mm_fault(ctx, m.at, UserAccess::write);
    CHECK(error == Errno::ok);
    m.log.add("faulted", ctx.now());
  });
  s.thread(2, [](Sleepable& ctx, MmScene& m) -> Task<void> {
    co_await ctx.spend(m.tick, 30);
    co_await m.mm.munmap(ctx, m.at, kPage);
    m.log.add("unmapped", ctx.now());
  });
  s.rig.run();
  CHECK(s.mm.resident_pages() == 0);
  // Both faults overlap: the lock is shared. munmap comes after the later one: 200 + 1000.
  CHECK(s.log.text == "faulted@1200 unmapped@1275");
}

TEST_CASE("the mapping calls are system calls by their numbers") {
  MmScene s(1);
  s.rig.system.costs.syscall_entry.each = 7ns;
  s.run(0, [](Sleepable& ctx, MmScene& m) -> Task<void> {
    const SimTime before = ctx.now();
    const Result<UserAddr> at =
        co_await syscall(ctx, Sysno::mmap, m.mm.mmap(ctx, kPage, Prot::write));
    CHECK(at.has_value());
    CHECK((ctx.now() - before == 77ns));
    const Result<std::int64_t> gone =
        co_await syscall(ctx, Sysno::munmap, m.mm.munmap(ctx, *at, kPage));
    CHECK(gone == 0);
  });
}
