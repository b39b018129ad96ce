// SPDX-License-Identifier: Apache-2.0
// User pages held in place, and reached from elsewhere.
#include <algorithm>

#include "model/kernel/mm/address_space.h"
#include "model/kernel/mm/copy.h"

namespace iodrome::kernel {

namespace {

// Pages from that of `start` on that are user addresses at all.
bool are_users(UserAddr start, std::uint64_t pages) {
  return pages <= AddressSpace::kTaskSize / kPage &&
         AddressSpace::access_ok(start / kPage * kPage, pages * kPage);
}

void move_bytes(hw::Memory& memory, hw::PhysAddr at, std::span<std::byte> to) {
  std::ranges::copy(memory.bytes(at, to.size()), to.begin());
}
void move_bytes(hw::Memory& memory, hw::PhysAddr at, std::span<const std::byte> from) {
  std::ranges::copy(from, memory.bytes(at, from.size()).begin());
}

}  // namespace

std::vector<hw::PhysAddr> PinnedPages::addresses() const {
  std::vector<hw::PhysAddr> all;
  all.reserve(pages.size());
  for (const PagePtr& page : pages) all.push_back(page->address);
  return all;
}

// gup_must_unshare(): a pin is to a page that no fork's child has.
Page* AddressSpace::page_to_pin(UserAddr address, UserAccess access) {
  Page* const page = follow_page(address, access);
  return page != nullptr && cow_entry(address) == nullptr ? page : nullptr;
}

// The page table is walked with interrupts disabled: nobody unmaps meanwhile. `at` stops at the
// first page that is absent.
Task<std::int64_t> AddressSpace::pin_resident(Atomic& ctx, UserAddr& at, std::uint64_t count,
                                              UserAccess access, PinnedPages& to) {
  std::int64_t pinned = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    Page* const page = page_to_pin(at, access);
    if (page == nullptr) break;
    to.pages.emplace_back(page);
    ++page->pins;
    ++pins_;
    ++pinned;
    at += kPage;
  }
  co_await ctx.spend(ctx.costs().page_pin, static_cast<std::uint64_t>(pinned));
  co_return pinned;
}

// The slow path: under the lock, page by page, faulting in what is absent.
Task<Errno> AddressSpace::pin_absent(Sleepable& ctx, UserAddr& at, std::uint64_t count,
                                     UserAccess access, PinnedPages& to) {
  Errno error = Errno::ok;
  co_await mmap_lock_.down_read(ctx);
  for (const UserAddr end = at + count * kPage; at < end && error == Errno::ok;) {
    const std::int64_t there = co_await pin_resident(ctx, at, 1, access, to);
    if (there == 0) error = co_await fault_locked(ctx, at, access, true);
  }
  co_await mmap_lock_.up_read(ctx);
  co_return error;
}

Task<Result<std::int64_t>> AddressSpace::pin_user_pages_fast(Sleepable& ctx, UserAddr start,
                                                             std::uint64_t count, UserAccess access,
                                                             bool long_term, PinnedPages& to) {
  check(to.mm == nullptr, "pinning into pins that are in use");
  if (count == 0) co_return 0;
  if (!are_users(start, count)) co_return fail(Errno::efault);
  if (long_term && count > memlock_pages_ - std::min(locked_, memlock_pages_))
    co_return fail(Errno::enomem);
  to.mm = this;
  to.long_term = long_term;
  if (long_term) locked_ += count;
  UserAddr at = start / kPage * kPage;
  const std::int64_t fast = co_await pin_resident(ctx, at, count, access, to);
  const std::uint64_t absent = count - static_cast<std::uint64_t>(fast);
  Errno error = Errno::ok;
  if (absent > 0) error = co_await pin_absent(ctx, at, absent, access, to);
  if (long_term) locked_ -= count - to.pages.size();
  if (to.pages.empty()) {
    to.mm = nullptr;
    co_return fail(error);
  }
  co_return static_cast<std::int64_t>(to.pages.size());
}

Task<std::int64_t> AddressSpace::pin_user_pages_fast_only(Atomic& ctx, UserAddr start,
                                                          std::uint64_t count, UserAccess access,
                                                          PinnedPages& to) {
  check(to.mm == nullptr, "pinning into pins that are in use");
  if (!are_users(start, count)) co_return 0;
  UserAddr at = start / kPage * kPage;
  const std::int64_t pinned = co_await pin_resident(ctx, at, count, access, to);
  if (pinned > 0) to.mm = this;
  co_return pinned;
}

void AddressSpace::unpin(PinnedPages& pins) {
  if (pins.mm == nullptr) return;
  pins.mm->pins_ -= pins.pages.size();
  for (const PagePtr& page : pins.pages) --page->pins;
  if (pins.long_term) pins.mm->locked_ -= pins.pages.size();
  pins.pages.clear();
  pins.mm = nullptr;
}

template <class Bytes>
Task<std::uint64_t> AddressSpace::access_remote(Sleepable& ctx, UserAddr at, Bytes bytes) {
  constexpr UserAccess access =
      std::is_const_v<typename Bytes::element_type> ? UserAccess::write : UserAccess::read;
  std::uint64_t done = 0;
  co_await mmap_lock_.down_read(ctx);
  while (done < bytes.size()) {
    Page* const there = follow_page(at + done, access);
    if (there == nullptr) {
      const Errno error = co_await fault_locked(ctx, at + done, access);
      if (error != Errno::ok) break;
      continue;
    }
    const PagePtr page{there};
    const std::uint64_t inside = (at + done) % kPage;
    const std::uint64_t piece = std::min(kPage - inside, bytes.size() - done);
    co_await ctx.spend(ctx.costs().page_pin);
    co_await charge_copy(ctx, piece, CacheState::cold);
    move_bytes(system_.memory, page->address + inside, bytes.subspan(done, piece));
    done += piece;
  }
  co_await mmap_lock_.up_read(ctx);
  co_return done;
}

Task<std::uint64_t> AddressSpace::read_remote(Sleepable& ctx, UserAddr from,
                                              std::span<std::byte> to) {
  return access_remote(ctx, from, to);
}

Task<std::uint64_t> AddressSpace::write_remote(Sleepable& ctx, UserAddr to,
                                               std::span<const std::byte> from) {
  return access_remote(ctx, to, from);
}

}  // namespace iodrome::kernel
