// SPDX-License-Identifier: Apache-2.0
// The DMA API of a device behind an IOMMU: memory is mapped for it before it may touch it, and
// unmapped after.
//
// Invariants
//  1. An I/O page belongs to at most one mapping.
//  2. An address is not handed out again before the IOTLB has forgotten it.
//
// Source: Linux drivers/iommu/dma-iommu.c, drivers/iommu/iova.c;
// Documentation/core-api/dma-api.rst. Differs: addresses come from one list per size, which is free
// and has no lock; a mapping's pages are one stretch; the flush queues' timer runs where it was
// last set.
#pragma once
#include <map>
#include <span>
#include <vector>

#include "hw/iommu/registers.h"
#include "model/engine/result.h"
#include "model/kernel/time/timer_wheel.h"

namespace iodrome::kernel {

/// Seen from the device.
using DmaAddr = std::uint64_t;

/// Who moves bytes: DMA_TO_DEVICE reads memory, DMA_FROM_DEVICE writes it.
enum class DmaDirection : std::uint8_t { to_device, from_device, bidirectional };

class DmaDomain {
 public:
  /// Unmapped pages of a CPU that are flushed together, and how long they wait at most.
  static constexpr std::size_t kFlushQueueSize = 256;
  static constexpr Duration kFlushTimeout = 10ms;

  /// Domain `number` of the IOMMU with these registers. `strict`: each unmap waits for the
  /// invalidation; else flush queues, iommu.strict=0.
  DmaDomain(System& system, hw::Port& registers, std::uint16_t number, bool strict);
  /// Errors: mappings that are left are a bug.
  ~DmaDomain() noexcept(false);
  DmaDomain(const DmaDomain&) = delete;
  DmaDomain& operator=(const DmaDomain&) = delete;

  std::uint16_t number() const { return number_; }
  const hw::iommu::PageTable& table() const { return table_; }

  /// dma_map_page(): `bytes` at `address`, physically contiguous. Legal in any context. CPU time:
  /// iommu_map for each page.
  ///
  /// Errors: ENOMEM (DMA_MAPPING_ERROR): no address, or an oracle says so.
  Task<Result<DmaAddr>> map(Atomic& ctx, hw::PhysAddr address, std::uint64_t bytes,
                            DmaDirection direction);
  /// dma_map_sg() of whole pages, the first of which may begin inside: the device sees them in a
  /// row, from the first one's offset on.
  Task<Result<DmaAddr>> map_pages(Atomic& ctx, std::span<const hw::PhysAddr> pages,
                                  DmaDirection direction);
  /// dma_unmap_page() of a mapping's address. Legal in any context. CPU time: iommu_unmap for each
  /// page, and iommu_flush if strict or when the CPU's flush queue is full.
  ///
  /// Errors: an address that is not mapped is a bug.
  Task<void> unmap(Atomic& ctx, DmaAddr address);
  /// dma_alloc_coherent()'s mapping of memory that a driver keeps; free, and no leak: it goes with
  /// the domain.
  DmaAddr map_coherent(hw::PhysAddr address, std::uint64_t bytes);

  std::size_t mappings() const { return mappings_.size(); }
  /// Unmapped pages that the IOTLB may still know.
  std::size_t unflushed() const;

 private:
  struct Stretch {
    std::uint64_t page;
    std::uint64_t pages;
  };
  struct FlushTimer : Timer {
    explicit FlushTimer(DmaDomain& of) : Timer(&FlushTimer::expired), domain(of) {}
    static Task<void> expired(Atomic& ctx, Timer& self);
    DmaDomain& domain;
  };

  std::uint64_t take_pages(std::uint64_t count);
  void enter(std::uint64_t page, hw::PhysAddr memory, DmaDirection direction);
  Task<void> flush_pages(Atomic& ctx, const Stretch& stretch);
  Task<void> flush_domain(Atomic& ctx);
  Task<void> defer(Atomic& ctx, const Stretch& stretch);
  void release(std::vector<Stretch>& queue);

  System& system_;
  hw::Port& registers_;
  const std::uint16_t number_;
  const bool strict_;
  hw::iommu::PageTable table_;
  std::uint64_t next_page_;                                   // below it nothing was given out yet
  std::map<std::uint64_t, std::vector<std::uint64_t>> free_;  // by size, last in first out
  std::map<std::uint64_t, std::uint64_t> mappings_;           // page: pages
  std::vector<std::vector<Stretch>> queues_;                  // by CPU
  FlushTimer timer_{*this};
};

}  // namespace iodrome::kernel
