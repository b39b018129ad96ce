// SPDX-License-Identifier: Apache-2.0
// What software reaches of an IOMMU: the page table of a domain, which lies in memory, and the
// registers.
//
// Source: Intel Virtualization Technology for Directed I/O Architecture Specification.
#pragma once
#include <map>

#include "hw/ports.h"

namespace iodrome::hw::iommu {

inline constexpr std::size_t kPageBytes = 4096;

/// What a device may do with a page.
struct Entry {
  PhysAddr page = 0;
  bool readable = false;
  bool writable = false;

  bool allows(Command command) const { return command == Command::read ? readable : writable; }
};

/// The second-level page table of a domain, by I/O page number. Software writes it; hardware walks
/// it when its IOTLB misses, and never sees a change to what it has cached.
///
/// Differs: its levels are not laid out in memory; a walk takes the same time anywhere.
class PageTable {
 public:
  const Entry* find(std::uint64_t page) const {
    const auto found = entries_.find(page);
    return found == entries_.end() ? nullptr : &found->second;
  }
  void set(std::uint64_t page, const Entry& entry) { entries_.insert_or_assign(page, entry); }
  void clear(std::uint64_t page) { entries_.erase(page); }
  std::size_t size() const { return entries_.size(); }

 private:
  std::map<std::uint64_t, Entry> entries_;
};

/// Registers. Writing a domain's number to kFlushDomain drops everything of it; writing
/// flush_pages() to kFlushPages drops those I/O pages of a domain.
inline constexpr std::uint64_t kFlushDomain = 0x00;
inline constexpr std::uint64_t kFlushPages = 0x08;

inline constexpr std::uint64_t kMaxFlushPages = 65'535;
/// Units: at most kMaxFlushPages, below I/O page 2^32.
constexpr std::uint64_t flush_pages(std::uint16_t domain, std::uint64_t page, std::uint64_t pages) {
  return std::uint64_t{domain} << 48 | pages << 32 | page;
}

/// Reading it takes the oldest fault: its address with kFaultValid and kFaultWrite in the low bits;
/// 0 if there is none.
inline constexpr std::uint64_t kFaultRecord = 0x10;
inline constexpr std::uint64_t kFaultValid = 1;
inline constexpr std::uint64_t kFaultWrite = 2;
/// 1 if faults found no record free; reading clears it.
inline constexpr std::uint64_t kFaultOverflow = 0x18;

}  // namespace iodrome::hw::iommu
