// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/mm/uaccess.h"

#include <algorithm>

#include "model/events/memory.h"

namespace iodrome::kernel {

namespace {

struct ToUser {
  static constexpr UserAccess access = UserAccess::write;
  std::span<const std::byte> bytes;
  void move(std::span<std::byte> user, std::uint64_t done) const {
    std::ranges::copy(bytes.subspan(done, user.size()), user.begin());
  }
};

struct FromUser {
  static constexpr UserAccess access = UserAccess::read;
  std::span<std::byte> bytes;
  void move(std::span<std::byte> user, std::uint64_t done) const {
    std::ranges::copy(user, bytes.begin() + static_cast<std::ptrdiff_t>(done));
  }
};

// Copies what lies in one page, if it is there; the bytes copied.
template <class Way>
Task<std::uint64_t> copy_in_page(Atomic& ctx, AddressSpace& mm, UserAddr user, const Way& way,
                                 std::uint64_t done, CacheState source) {
  Page* const there = mm.follow_page(user + done, Way::access);
  if (there == nullptr) co_return 0;
  const PagePtr page{there};
  const std::uint64_t inside = (user + done) % kPage;
  const std::uint64_t piece = std::min(kPage - inside, way.bytes.size() - done);
  co_await charge_copy(ctx, piece, source);
  way.move(ctx.system().memory.bytes(page->address + inside, piece), done);
  co_return piece;
}

template <class Way>
Task<std::uint64_t> copy(Sleepable& ctx, AddressSpace& mm, UserAddr user, Way way,
                         CacheState source) {
  check(ctx.thread().mm == mm.id(), "a thread copies to or from another's address space");
  if (!AddressSpace::access_ok(user, way.bytes.size())) co_return way.bytes.size();
  std::uint64_t done = 0;
  while (done < way.bytes.size()) {
    const std::uint64_t copied = co_await copy_in_page(ctx, mm, user, way, done, source);
    done += copied;
    if (copied > 0) continue;
    const Errno error = co_await mm.handle_mm_fault(ctx, user + done, Way::access);
    if (error != Errno::ok) break;
  }
  co_return way.bytes.size() - done;
}

template <class Way>
Task<std::uint64_t> copy_inatomic(Atomic& ctx, AddressSpace& mm, UserAddr user, Way way,
                                  CacheState source) {
  const bool loaded = ctx.cpu().loaded_mm() == mm.id();
  if (!loaded || !AddressSpace::access_ok(user, way.bytes.size())) co_return way.bytes.size();
  std::uint64_t done = 0;
  while (done < way.bytes.size()) {
    const std::uint64_t copied = co_await copy_in_page(ctx, mm, user, way, done, source);
    done += copied;
    if (copied > 0) continue;
    co_await ctx.spend(ctx.costs().page_fault_bad);
    break;
  }
  co_return way.bytes.size() - done;
}

}  // namespace

Task<std::uint64_t> copy_to_user(Sleepable& ctx, AddressSpace& mm, UserAddr to,
                                 std::span<const std::byte> from, CacheState source) {
  return copy(ctx, mm, to, ToUser{from}, source);
}

Task<std::uint64_t> copy_from_user(Sleepable& ctx, AddressSpace& mm, std::span<std::byte> to,
                                   UserAddr from, CacheState source) {
  return copy(ctx, mm, from, FromUser{to}, source);
}

Task<std::uint64_t> copy_to_user_inatomic(Atomic& ctx, AddressSpace& mm, UserAddr to,
                                          std::span<const std::byte> from, CacheState source) {
  return copy_inatomic(ctx, mm, to, ToUser{from}, source);
}

Task<std::uint64_t> copy_from_user_inatomic(Atomic& ctx, AddressSpace& mm, std::span<std::byte> to,
                                            UserAddr from, CacheState source) {
  return copy_inatomic(ctx, mm, from, FromUser{to}, source);
}

}  // namespace iodrome::kernel
