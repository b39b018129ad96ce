// SPDX-License-Identifier: Apache-2.0
// An IOMMU: between a device and memory it translates the addresses of DMA, page by page, and keeps
// what it found in an IOTLB.
//
// Invariants
//  1. A DMA reaches memory through an entry that allowed its direction when it was walked, and that
//  has not been flushed since.
//  2. The IOTLB never holds more than its entries; the least recently used one goes first.
//  3. Accesses of one device keep their order, also behind a page walk.
//
// Source: Intel VT-d specification, chapters 3, 6 and 7.
#pragma once
#include <boost/circular_buffer.hpp>
#include <boost/intrusive/list.hpp>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "hw/core/activity.h"
#include "hw/iommu/params.h"
#include "hw/iommu/registers.h"

namespace iodrome::hw {

/// Differs: walks of different devices do not wait for each other; no caches of upper levels, no
/// large pages, no ATS or PASID; interrupts are not remapped; software polls for faults; an
/// invalidation is done when its register is written, and the CPU's wait for it is the kernel's
/// cost.
class Iommu final : public Target {
 public:
  /// Errors: values its parameters' examine() refuses are a bug.
  Iommu(const IommuParams& params, Timeline& timeline);
  ~Iommu() override;
  Iommu(const Iommu&) = delete;
  Iommu& operator=(const Iommu&) = delete;

  /// The way to `memory` of a device that belongs to a domain. The port refers to all of them.
  std::unique_ptr<Port> port_for(std::uint16_t domain, const iommu::PageTable& table, Port& memory);

  /// Registers, 8 bytes each: hw/iommu/registers.h.
  Response access(Command command, std::uint64_t address, std::span<std::byte> data) override;

  std::uint64_t hits() const { return hits_; }
  std::uint64_t misses() const { return misses_; }
  std::size_t iotlb_used() const { return iotlb_.size(); }

 private:
  class DevicePort;
  struct Key {
    std::uint16_t domain;
    std::uint64_t page;
    auto operator<=>(const Key&) const = default;
  };
  struct Cached : boost::intrusive::list_base_hook<> {
    Key key{};
    iommu::Entry entry;
  };

  const iommu::Entry* look_up(const Key& key);
  const iommu::Entry& keep(const Key& key, const iommu::Entry& entry);
  void drop(Key first, std::uint64_t pages);
  void record_fault(std::uint64_t address, Command command);
  std::uint64_t read_register(std::uint64_t address);
  Response write_register(std::uint64_t address, std::uint64_t value);

  const IommuParams params_;
  Timeline& timeline_;
  std::map<Key, Cached> iotlb_;
  boost::intrusive::list<Cached> lru_;  // least recently used first
  boost::circular_buffer<std::uint64_t> faults_;
  bool fault_overflow_ = false;
  std::uint64_t hits_ = 0;
  std::uint64_t misses_ = 0;
};

}  // namespace iodrome::hw
