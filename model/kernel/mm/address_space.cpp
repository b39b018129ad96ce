// SPDX-License-Identifier: Apache-2.0
// Mappings and faults; pins are in pin.cpp, forks in fork.cpp.
#include "model/kernel/mm/address_space.h"

#include <algorithm>
#include <exception>

#include "model/events/memory.h"
#include "model/kernel/mm/allocation.h"

namespace iodrome::kernel {

namespace {

constexpr UserAddr kLowest = 65'536;  // vm.mmap_min_addr's default
// Mappings begin below the stack's gap of 128 MiB, as without randomisation.
constexpr UserAddr kMmapBase = AddressSpace::kTaskSize - (UserAddr{128} << 20);

std::uint64_t whole_pages(std::uint64_t bytes) {
  return (bytes + kPage - 1) / kPage * kPage;
}

bool allowed(Prot prot, UserAccess access) {
  return access == UserAccess::read ? prot != Prot::none : prot == Prot::write;
}

bool is_range(UserAddr start, std::uint64_t bytes) {
  return start % kPage == 0 && AddressSpace::access_ok(start, bytes);
}

}  // namespace

AddressSpace::AddressSpace(System& system, std::uint64_t memlock_bytes)
    : system_(system), id_(++system.last_mm_id), memlock_pages_(memlock_bytes / kPage) {}

AddressSpace::~AddressSpace() noexcept(false) {
  if (std::uncaught_exceptions() > 0) return;
  if (!checked_) check_unused();
}

void AddressSpace::check_unused() {
  checked_ = true;
  check(pins_ == 0 && locked_ == 0, "an address space ends with pinned pages");
  check(users_ == 0, "an address space ends while a kernel thread works on it");
}

// --- mappings -----------------------------------------------------------------------------------

// The mapping that holds an address, or none.
AddressSpace::Vmas::iterator AddressSpace::find_vma(UserAddr address) {
  auto after = vmas_.upper_bound(address);
  if (after == vmas_.begin()) return vmas_.end();
  --after;
  return address < after->second.end ? after : vmas_.end();
}

void AddressSpace::split_at(UserAddr address) {
  const auto vma = find_vma(address);
  if (vma == vmas_.end() || vma->first == address) return;
  vmas_.emplace(address, vma->second);
  vma->second.end = address;
}

// Mappings that meet in [from, to] and have the same rights become one.
void AddressSpace::join(UserAddr from, UserAddr to) {
  auto here = vmas_.lower_bound(from);
  if (here != vmas_.begin()) --here;
  while (here != vmas_.end() && here->first <= to) {
    const auto next = std::next(here);
    if (next == vmas_.end()) return;
    if (here->second.end == next->first && here->second.prot == next->second.prot) {
      here->second.end = next->second.end;
      vmas_.erase(next);
    } else {
      here = next;
    }
  }
}

// Top down, as processes have it; 0: there is no room.
UserAddr AddressSpace::unmapped_area(std::uint64_t bytes) const {
  UserAddr top = kMmapBase;
  for (auto vma = vmas_.rbegin(); vma != vmas_.rend(); ++vma) {
    if (top - vma->second.end >= bytes) return top - bytes;
    top = vma->first;
  }
  return top >= kLowest && top - kLowest >= bytes ? top - bytes : 0;
}

Task<Result<UserAddr>> AddressSpace::mmap(Sleepable& ctx, std::uint64_t bytes, Prot prot) {
  if (bytes == 0) co_return fail(Errno::einval);
  if (bytes > kTaskSize) co_return fail(Errno::enomem);
  co_await mmap_lock_.down_write(ctx);
  co_await ctx.spend(ctx.costs().vma_call);
  const std::uint64_t size = whole_pages(bytes);
  const UserAddr start = vmas_.size() > kMaxMapCount ? 0 : unmapped_area(size);
  if (start != 0) {
    vmas_.emplace(start, Vma{start + size, prot});
    join(start, start + size);
  }
  co_await mmap_lock_.up_write(ctx);
  if (start == 0) co_return fail(Errno::enomem);
  co_return start;
}

std::uint64_t AddressSpace::drop_entries(UserAddr start, UserAddr end) {
  const auto first = page_table_.lower_bound(start / kPage);
  const auto last = page_table_.lower_bound(end / kPage);
  const auto count = static_cast<std::uint64_t>(std::distance(first, last));
  page_table_.erase(first, last);
  return count;
}

Task<Result<std::int64_t>> AddressSpace::munmap(Sleepable& ctx, UserAddr start,
                                                std::uint64_t bytes) {
  if (bytes == 0 || !is_range(start, bytes)) co_return fail(Errno::einval);
  co_await mmap_lock_.down_write(ctx);
  co_await ctx.spend(ctx.costs().vma_call);
  const UserAddr end = start + whole_pages(bytes);
  const auto around = find_vma(start);
  const bool hole = around != vmas_.end() && around->first < start && end < around->second.end;
  if (hole && vmas_.size() >= kMaxMapCount) {
    co_await mmap_lock_.up_write(ctx);
    co_return fail(Errno::enomem);
  }
  split_at(start);
  split_at(end);
  vmas_.erase(vmas_.lower_bound(start), vmas_.lower_bound(end));
  const std::uint64_t dropped = drop_entries(start, end);
  co_await ctx.spend(ctx.costs().page_unmap, dropped);
  co_await mmap_lock_.up_write(ctx);
  co_return 0;
}

// The zero page is nobody's to write, whatever its mapping says, and a shared one nobody's yet.
void AddressSpace::protect_entries(UserAddr start, UserAddr end, Prot prot) {
  const auto last = page_table_.lower_bound(end / kPage);
  for (auto entry = page_table_.lower_bound(start / kPage); entry != last; ++entry) {
    const bool shared = entry->second.cow || entry->second.page == zero_page_;
    entry->second.allows = prot == Prot::write && shared ? Prot::read : prot;
  }
}

Errno AddressSpace::change_prot(UserAddr start, UserAddr end, Prot prot) {
  UserAddr at = start;
  while (at < end) {
    if (find_vma(at) == vmas_.end()) break;
    split_at(at);
    split_at(end);
    const auto vma = find_vma(at);
    vma->second.prot = prot;
    protect_entries(at, vma->second.end, prot);
    at = vma->second.end;
  }
  join(start, end);
  return at < end ? Errno::enomem : Errno::ok;
}

Task<Result<std::int64_t>> AddressSpace::mprotect(Sleepable& ctx, UserAddr start,
                                                  std::uint64_t bytes, Prot prot) {
  if (start % kPage != 0) co_return fail(Errno::einval);
  if (bytes == 0) co_return 0;
  if (!is_range(start, bytes)) co_return fail(Errno::enomem);
  co_await mmap_lock_.down_write(ctx);
  co_await ctx.spend(ctx.costs().vma_call);
  const Errno error = change_prot(start, start + whole_pages(bytes), prot);
  co_await mmap_lock_.up_write(ctx);
  if (error != Errno::ok) co_return fail(error);
  co_return 0;
}

// --- faults -------------------------------------------------------------------------------------

Page* AddressSpace::follow_page(UserAddr address, UserAccess access) {
  const auto entry = page_table_.find(address / kPage);
  if (entry == page_table_.end() || !allowed(entry->second.allows, access)) return nullptr;
  return entry->second.page.get();
}

PagePtr AddressSpace::zeroed_page() {
  PagePtr page{new Page(system_.memory)};
  std::ranges::fill(system_.memory.bytes(page->address, kPage), std::byte{0});
  return page;
}

Task<Errno> AddressSpace::map_new_page(Sleepable& ctx, UserAddr address) {
  const bool none = co_await page_allocation_fails(ctx, "user page");
  if (none) co_return Errno::enomem;
  // Another thread of the process may have been quicker.
  if (follow_page(address, UserAccess::write) == nullptr)
    page_table_.insert_or_assign(address / kPage, Entry{zeroed_page(), Prot::write});
  co_return Errno::ok;
}

Task<Errno> AddressSpace::fault_locked(Sleepable& ctx, UserAddr address, UserAccess access,
                                       bool unshare) {
  const auto vma = find_vma(address);
  Errno error = Errno::ok;
  if (vma == vmas_.end() || !allowed(vma->second.prot, access)) {
    co_await ctx.spend(ctx.costs().page_fault_bad);
    error = Errno::efault;
  } else if ((access == UserAccess::write || unshare) && cow_entry(address) != nullptr) {
    error = co_await wp_page(ctx, address, vma->second.prot);
  } else {
    co_await ctx.spend(ctx.costs().page_fault_minor);
    if (access == UserAccess::write) {
      error = co_await map_new_page(ctx, address);
    } else if (follow_page(address, access) == nullptr) {
      if (zero_page_ == nullptr) zero_page_ = zeroed_page();
      page_table_.insert_or_assign(address / kPage, Entry{zero_page_, Prot::read});
    }
  }
  ctx.emit(events::PageFaultUser{ctx.thread().id, address, static_cast<std::uint64_t>(error)});
  co_return error;
}

Task<Errno> AddressSpace::handle_mm_fault(Sleepable& ctx, UserAddr address, UserAccess access) {
  co_await mmap_lock_.down_read(ctx);
  const Errno error = co_await fault_locked(ctx, address, access);
  co_await mmap_lock_.up_read(ctx);
  co_return error;
}

// --- borrowers ----------------------------------------------------------------------------------

namespace {
Spend load(Sleepable& ctx, std::uint32_t mm) {
  Thread& thread = ctx.thread();
  check(thread.cpu_class == events::CpuClass::kthread && thread.mm == 0,
        "only a kernel thread that has no address space borrows one");
  thread.mm = mm;
  return ctx.spend(ctx.costs().mm_switch, ctx.cpu().load_mm(mm) ? 1 : 0);
}
}  // namespace

Spend kthread_use_mm(Sleepable& ctx, AddressSpace& mm) {
  mm.mmget();
  return load(ctx, mm.id());
}

Spend kthread_use_first_mm(Sleepable& ctx) {
  return load(ctx, kFirstMm);
}

void kthread_unuse_first_mm(Sleepable& ctx) {
  check(ctx.thread().mm == kFirstMm, "giving back an address space that was not borrowed");
  ctx.thread().mm = 0;
}

void kthread_unuse_mm(Sleepable& ctx, AddressSpace& mm) {
  check(ctx.thread().mm == mm.id(), "giving back an address space that was not borrowed");
  ctx.thread().mm = 0;
  mm.mmput();
}

}  // namespace iodrome::kernel
