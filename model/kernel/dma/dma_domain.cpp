// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/dma/dma_domain.h"

#include <algorithm>
#include <exception>

#include "model/kernel/mm/allocation.h"

namespace iodrome::kernel {

namespace iommu = hw::iommu;

namespace {
constexpr std::uint64_t kIoPage = iommu::kPageBytes;
// Addresses of 32 bits, top down, as dma-iommu tries first; page 0 is never given out.
constexpr std::uint64_t kPagesEnd = (std::uint64_t{1} << 32) / kIoPage;
}  // namespace

DmaDomain::DmaDomain(System& system, hw::Port& registers, std::uint16_t number, bool strict)
    : system_(system),
      registers_(registers),
      number_(number),
      strict_(strict),
      next_page_(kPagesEnd),
      queues_(system.cpus.size()) {}

DmaDomain::~DmaDomain() noexcept(false) {
  if (std::uncaught_exceptions() > 0) return;
  check(mappings_.empty(), "a DMA domain ends with memory mapped");
}

// 0: there are none.
std::uint64_t DmaDomain::take_pages(std::uint64_t count) {
  std::vector<std::uint64_t>& used_before = free_[count];
  if (!used_before.empty()) {
    const std::uint64_t page = used_before.back();
    used_before.pop_back();
    return page;
  }
  if (count >= next_page_) return 0;
  next_page_ -= count;
  return next_page_;
}

void DmaDomain::enter(std::uint64_t page, hw::PhysAddr memory, DmaDirection direction) {
  table_.set(page, {.page = memory / kIoPage * kIoPage,
                    .readable = direction != DmaDirection::from_device,
                    .writable = direction != DmaDirection::to_device});
}

Task<Result<DmaAddr>> DmaDomain::map(Atomic& ctx, hw::PhysAddr address, std::uint64_t bytes,
                                     DmaDirection direction) {
  const std::uint64_t count = (address % kIoPage + bytes + kIoPage - 1) / kIoPage;
  check(count > 0, "mapping nothing for a device");
  co_await ctx.spend(ctx.costs().iommu_map, count);
  const bool none = allocation_fails(ctx.system(), "iova");
  const std::uint64_t first = none ? 0 : take_pages(count);
  if (first == 0) co_return fail(Errno::enomem);
  for (std::uint64_t i = 0; i < count; ++i) enter(first + i, address + i * kIoPage, direction);
  mappings_.emplace(first, count);
  co_return first* kIoPage + address % kIoPage;
}

Task<Result<DmaAddr>> DmaDomain::map_pages(Atomic& ctx, std::span<const hw::PhysAddr> pages,
                                           DmaDirection direction) {
  check(!pages.empty(), "mapping nothing for a device");
  co_await ctx.spend(ctx.costs().iommu_map, pages.size());
  const bool none = allocation_fails(ctx.system(), "iova");
  const std::uint64_t first = none ? 0 : take_pages(pages.size());
  if (first == 0) co_return fail(Errno::enomem);
  for (std::size_t i = 0; i < pages.size(); ++i) enter(first + i, pages[i], direction);
  mappings_.emplace(first, pages.size());
  co_return first* kIoPage + pages.front() % kIoPage;
}

DmaAddr DmaDomain::map_coherent(hw::PhysAddr address, std::uint64_t bytes) {
  const std::uint64_t count = (address % kIoPage + bytes + kIoPage - 1) / kIoPage;
  const std::uint64_t first = take_pages(count);
  check(first != 0, "no I/O addresses left for a driver's own memory");
  for (std::uint64_t i = 0; i < count; ++i)
    enter(first + i, address + i * kIoPage, DmaDirection::bidirectional);
  return first * kIoPage + address % kIoPage;
}

Task<void> DmaDomain::unmap(Atomic& ctx, DmaAddr address) {
  const auto mapping = mappings_.find(address / kIoPage);
  check(mapping != mappings_.end(), "unmapping what is not mapped for the device");
  const Stretch stretch{mapping->first, mapping->second};
  mappings_.erase(mapping);
  for (std::uint64_t i = 0; i < stretch.pages; ++i) table_.clear(stretch.page + i);
  co_await ctx.spend(ctx.costs().iommu_unmap, stretch.pages);
  if (!strict_) co_return co_await defer(ctx, stretch);
  co_await flush_pages(ctx, stretch);
  free_[stretch.pages].push_back(stretch.page);
}

// The waiting is part of the cost: the CPU spins for it with interrupts disabled.
Task<void> DmaDomain::flush_pages(Atomic& ctx, const Stretch& stretch) {
  // More than the register's field holds: the whole domain.
  if (stretch.pages > iommu::kMaxFlushPages) co_return co_await flush_domain(ctx);
  const std::uint64_t what = iommu::flush_pages(number_, stretch.page, stretch.pages);
  co_await registers_.write64(iommu::kFlushPages, what);
  co_await ctx.spend(ctx.costs().iommu_flush);
}

Task<void> DmaDomain::flush_domain(Atomic& ctx) {
  co_await registers_.write64(iommu::kFlushDomain, number_);
  co_await ctx.spend(ctx.costs().iommu_flush);
}

// queue_iova(): a full queue is flushed before the stretch is put into it.
Task<void> DmaDomain::defer(Atomic& ctx, const Stretch& stretch) {
  // The timer may take the queues away during the flush.
  const std::size_t cpu = ctx.cpu().index();
  if (queues_[cpu].size() >= kFlushQueueSize) {
    std::vector<Stretch> flushed;
    flushed.swap(queues_[cpu]);
    co_await flush_domain(ctx);
    release(flushed);
  }
  queues_[cpu].push_back(stretch);
  if (!timer_.pending()) co_await timer_.mod_after(ctx, kFlushTimeout);
}

void DmaDomain::release(std::vector<Stretch>& queue) {
  for (const Stretch& stretch : queue) free_[stretch.pages].push_back(stretch.page);
}

// fq_flush_timeout(): once for all CPUs. What is queued during the flush waits for the next one.
Task<void> DmaDomain::FlushTimer::expired(Atomic& ctx, Timer& self) {
  DmaDomain& domain = static_cast<FlushTimer&>(self).domain;
  std::vector<std::vector<Stretch>> flushed(domain.queues_.size());
  flushed.swap(domain.queues_);
  co_await domain.flush_domain(ctx);
  for (std::vector<Stretch>& queue : flushed) domain.release(queue);
}

std::size_t DmaDomain::unflushed() const {
  std::size_t pages = 0;
  for (const std::vector<Stretch>& queue : queues_)
    for (const Stretch& stretch : queue) pages += stretch.pages;
  return pages;
}

}  // namespace iodrome::kernel
