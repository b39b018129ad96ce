// SPDX-License-Identifier: Apache-2.0
// An address space in two: pages shared until one of the two writes.
#include <algorithm>

#include "model/kernel/mm/address_space.h"
#include "model/kernel/mm/allocation.h"

namespace iodrome::kernel {

AddressSpace::Entry* AddressSpace::cow_entry(UserAddr address) {
  const auto found = page_table_.find(address / kPage);
  return found != page_table_.end() && found->second.cow ? &found->second : nullptr;
}

PagePtr AddressSpace::copy_of(const Page& page) {
  PagePtr copy{new Page(system_.memory)};
  std::ranges::copy(system_.memory.bytes(page.address, kPage),
                    system_.memory.bytes(copy->address, kPage).begin());
  return copy;
}

// do_wp_page(): whom nobody shares the page with any more keeps it, else it is copied. Another
// thread of the process may be quicker meanwhile.
Task<Errno> AddressSpace::wp_page(Sleepable& ctx, UserAddr address, Prot prot) {
  const bool alone = cow_entry(address)->page->references == 1;
  KernelCosts& costs = ctx.costs();
  co_await ctx.spend(alone ? costs.page_fault_reuse : costs.page_fault_cow);
  Entry* entry = cow_entry(address);
  if (entry == nullptr) co_return Errno::ok;
  if (entry->page->references > 1) {
    const bool none = co_await page_allocation_fails(ctx, "user page");
    if (none) co_return Errno::enomem;
    entry = cow_entry(address);
    if (entry == nullptr) co_return Errno::ok;
    entry->page = copy_of(*entry->page);
  }
  entry->cow = false;
  entry->allows = prot;
  co_return Errno::ok;
}

// copy_present_page() of a page that may be pinned: who pinned it keeps it.
Task<Errno> AddressSpace::copy_pinned(Sleepable& ctx, AddressSpace& child, std::uint64_t number) {
  const bool none = co_await page_allocation_fails(ctx, "user page");
  if (none) co_return Errno::enomem;
  co_await ctx.spend(ctx.costs().page_fault_cow);
  // mmap_lock is held to write, so the entry is still there.
  const Entry& entry = page_table_.at(number);
  child.page_table_.insert_or_assign(number, Entry{copy_of(*entry.page), entry.allows});
  co_return Errno::ok;
}

Task<Errno> AddressSpace::dup_to(Sleepable& ctx, AddressSpace& child) {
  check(child.vmas_.empty() && child.page_table_.empty(), "a fork's child has memory already");
  co_await mmap_lock_.down_write(ctx);
  child.vmas_ = vmas_;
  child.zero_page_ = zero_page_;
  co_await ctx.spend(ctx.costs().fork_page, page_table_.size());
  Errno error = Errno::ok;
  for (auto each = page_table_.begin(); each != page_table_.end() && error == Errno::ok; ++each) {
    Entry& entry = each->second;
    const bool zero = entry.page == zero_page_;
    if (!zero && entry.page->pins > 0) {
      error = co_await copy_pinned(ctx, child, each->first);
      continue;
    }
    entry.cow = !zero;
    if (entry.allows == Prot::write) entry.allows = Prot::read;
    child.page_table_.insert_or_assign(each->first, entry);
  }
  co_await mmap_lock_.up_write(ctx);
  co_return error;
}

Task<void> AddressSpace::exit_mmap(Sleepable& ctx) {
  co_await mmap_lock_.down_write(ctx);
  co_await ctx.spend(ctx.costs().page_unmap, page_table_.size());
  page_table_.clear();
  vmas_.clear();
  zero_page_ = nullptr;
  co_await mmap_lock_.up_write(ctx);
}

}  // namespace iodrome::kernel
