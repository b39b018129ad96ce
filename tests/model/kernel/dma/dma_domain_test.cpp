// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/dma/dma_domain.h"

#include "tests/model/kernel/fail_allocation.h"
#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;
namespace iommu = hw::iommu;

namespace {

// What the IOMMU is told, in order.
struct Unit final : hw::Target {
  hw::Response access(hw::Command, std::uint64_t address, std::span<std::byte> data) override {
    std::uint64_t value = 0;
    std::memcpy(&value, data.data(), sizeof value);
    told.emplace_back(address, value);
    return hw::Response::ok;
  }
  std::vector<std::pair<std::uint64_t, std::uint64_t>> told;
};

struct Scene {
  explicit Scene(bool strict, std::uint32_t cpus = 1) : rig(cpus) {
    rig.system.costs.iommu_map.each = 10ns;
    rig.system.costs.iommu_unmap.each = 7ns;
    rig.system.costs.iommu_flush.each = 500ns;
    rig.system.scheduler.hz = 1000;
    domain = std::make_unique<DmaDomain>(rig.system, port, std::uint16_t{3}, strict);
  }
  void run(Code<Scene> code) {
    rig.thread<Scene>(0, *this, code);
    rig.run();
    CHECK(rig.threads.back()->ended());
  }
  Rig rig;
  Unit unit;
  hw::DirectPort port{unit};
  std::unique_ptr<DmaDomain> domain;
  SimTime began{};
  DmaAddr first = 0;
};

}  // namespace

TEST_CASE("a mapping gives the device its direction and offset, and costs by the page") {
  Scene s(true);
  s.run([](Sleepable& ctx, Scene& m) -> Task<void> {
    const hw::PhysAddr at = m.rig.memory.allocate_contiguous(3 * kPage);
    const SimTime before = ctx.now();
    const Result<DmaAddr> dma =
        co_await m.domain->map(ctx, at + 100, 2 * kPage, DmaDirection::from_device);
    CHECK((ctx.now() - before == 30ns));  // two pages' bytes lie in three
    CHECK(*dma % kPage == 100);
    for (std::uint64_t i = 0; i < 3; ++i) {
      const iommu::Entry* const entry = m.domain->table().find(*dma / kPage + i);
      CHECK(entry->page == at + i * kPage);
      CHECK((entry->writable && !entry->readable));
    }
    CHECK(m.domain->table().size() == 3);
    CHECK(m.domain->mappings() == 1);
    co_await m.domain->unmap(ctx, *dma);
    CHECK(m.domain->table().size() == 0);
    CHECK(m.domain->mappings() == 0);
  });
}

TEST_CASE("scattered pages become a row for the device") {
  Scene s(true);
  s.run([](Sleepable& ctx, Scene& m) -> Task<void> {
    std::vector<hw::PhysAddr> pages;
    for (int i = 0; i < 3; ++i) pages.push_back(m.rig.memory.allocate_page());
    std::swap(pages[0], pages[2]);
    pages[0] += 512;
    const Result<DmaAddr> dma = co_await m.domain->map_pages(ctx, pages, DmaDirection::to_device);
    CHECK(*dma % kPage == 512);
    for (std::uint64_t i = 0; i < 3; ++i) {
      const iommu::Entry* const entry = m.domain->table().find(*dma / kPage + i);
      CHECK(entry->page == pages[i] / kPage * kPage);
      CHECK((entry->readable && !entry->writable));
    }
    co_await m.domain->unmap(ctx, *dma);
  });
}

TEST_CASE("strict: every unmap waits for its invalidation, and its address is free at once") {
  Scene s(true);
  s.run([](Sleepable& ctx, Scene& m) -> Task<void> {
    const hw::PhysAddr at = m.rig.memory.allocate_page();
    const Result<DmaAddr> one = co_await m.domain->map(ctx, at, 1, DmaDirection::to_device);
    const SimTime before = ctx.now();
    co_await m.domain->unmap(ctx, *one);
    CHECK((ctx.now() - before == 507ns));
    CHECK(m.domain->unflushed() == 0);
    const Result<DmaAddr> two = co_await m.domain->map(ctx, at, 1, DmaDirection::to_device);
    CHECK(*two == *one);
    co_await m.domain->unmap(ctx, *two);
    const std::uint64_t flush = iommu::flush_pages(3, *one / kPage, 1);
    CHECK(m.unit.told.size() == 2);
    CHECK(m.unit.told[0] == std::pair{iommu::kFlushPages, flush});
  });
}

TEST_CASE("lazy: an unmapped address is not used again before the flush, ten milliseconds on") {
  Scene s(false);
  s.run([](Sleepable& ctx, Scene& m) -> Task<void> {
    const hw::PhysAddr at = m.rig.memory.allocate_page();
    const Result<DmaAddr> one = co_await m.domain->map(ctx, at, 1, DmaDirection::to_device);
    m.first = *one;
    m.began = ctx.now();
    co_await m.domain->unmap(ctx, *one);
    CHECK((ctx.now() - m.began == 7ns));
    CHECK(m.domain->table().size() == 0);
    CHECK(m.domain->unflushed() == 1);
    CHECK(m.unit.told.empty());
    const Result<DmaAddr> two = co_await m.domain->map(ctx, at, 1, DmaDirection::to_device);
    CHECK(*two != *one);
    co_await m.domain->unmap(ctx, *two);
  });
  // The rig has run the timer too: one flush of the whole domain for both.
  CHECK(s.unit.told ==
        std::vector<std::pair<std::uint64_t, std::uint64_t>>{{iommu::kFlushDomain, 3}});
  CHECK(s.rig.now() >= s.began.time_since_epoch() + 10ms);
  CHECK(s.rig.now() <= s.began.time_since_epoch() + 12ms);
  CHECK(s.domain->unflushed() == 0);
  s.run([](Sleepable& ctx, Scene& m) -> Task<void> {
    const hw::PhysAddr at = m.rig.memory.allocate_page();
    const Result<DmaAddr> again = co_await m.domain->map(ctx, at, 1, DmaDirection::to_device);
    const Result<DmaAddr> more = co_await m.domain->map(ctx, at, 1, DmaDirection::to_device);
    CHECK((*again == m.first || *more == m.first));
    co_await m.domain->unmap(ctx, *again);
    co_await m.domain->unmap(ctx, *more);
  });
}

TEST_CASE("lazy: the 257th unmap of a CPU flushes the 256 before it") {
  Scene s(false);
  s.run([](Sleepable& ctx, Scene& m) -> Task<void> {
    const hw::PhysAddr at = m.rig.memory.allocate_page();
    for (int i = 0; i < 256; ++i) {
      const Result<DmaAddr> dma = co_await m.domain->map(ctx, at, 1, DmaDirection::to_device);
      co_await m.domain->unmap(ctx, *dma);
    }
    CHECK(m.unit.told.empty());
    CHECK(m.domain->unflushed() == 256);
    const Result<DmaAddr> last = co_await m.domain->map(ctx, at, 1, DmaDirection::to_device);
    const SimTime before = ctx.now();
    co_await m.domain->unmap(ctx, *last);
    CHECK((ctx.now() - before == 507ns));
    CHECK(m.unit.told.size() == 1);
    CHECK(m.domain->unflushed() == 1);
  });
}

TEST_CASE("a mapping that finds no memory is refused, and leaves nothing") {
  Scene s(true);
  FailAllocation oracle(1, "iova");
  s.rig.timeline.choices().ask(&oracle);
  s.run([](Sleepable& ctx, Scene& m) -> Task<void> {
    const hw::PhysAddr at = m.rig.memory.allocate_page();
    const Result<DmaAddr> dma = co_await m.domain->map(ctx, at, 1, DmaDirection::to_device);
    CHECK(dma == Result<DmaAddr>(fail(Errno::enomem)));
    CHECK(m.domain->table().size() == 0);
  });
  CHECK(oracle.failed());
}

TEST_CASE("mappings that are left, and unmapping twice, are bugs; a driver's own memory is none") {
  Scene s(true);
  const hw::PhysAddr ring = s.rig.memory.allocate_contiguous(2 * kPage);
  const DmaAddr seen = s.domain->map_coherent(ring, 2 * kPage);
  CHECK(s.domain->table().find(seen / kPage + 1)->page == ring + kPage);
  s.run([](Sleepable& ctx, Scene& m) -> Task<void> {
    const Result<DmaAddr> dma = co_await m.domain->map(ctx, kPage, 1, DmaDirection::to_device);
    m.first = *dma;
  });
  const auto leak = [&] {
    struct Other {
      DmaDomain domain;
    } other{.domain = {s.rig.system, s.port, 4, true}};
    s.rig.thread<Other>(0, other, [](Sleepable& ctx, Other& of) -> Task<void> {
      co_await of.domain.map(ctx, kPage, 1, DmaDirection::to_device);
    });
    s.rig.run();
  };
  CHECK_THROWS_WITH(leak(), Catch::Contains("memory mapped"));
  s.run([](Sleepable& ctx, Scene& m) -> Task<void> {
    co_await m.domain->unmap(ctx, m.first);
    bool caught = false;
    try {
      co_await m.domain->unmap(ctx, m.first);
    } catch (const InternalError&) {
      caught = true;
    }
    CHECK(caught);
  });
}
