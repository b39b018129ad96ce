// SPDX-License-Identifier: Apache-2.0
// A completion ring mapped into user memory: the kernel produces in any context, the user consumes
// without a call.
//
// Invariants
//  1. tail - head entries are visible; both run freely and wrap as 32-bit numbers; a slot is index
//  mod size.
//  2. Only the kernel writes the tail, after the entry (release); only the user writes the head,
//  after reading (release).
//  3. The kernel trusts its own copy of the tail; a wrong head can make the ring look full or
//  empty, nothing else.
#pragma once
#include <bit>
#include <memory>
#include <optional>

#include "model/engine/shared.h"
#include "model/events/io.h"
#include "model/kernel/sync/wait_queue.h"

namespace iodrome::kernel {

template <class Entry>
class CompletionRing {
 public:
  /// Shape: `entries` is a power of two. Whoever waits for events sleeps in `sleepers`.
  CompletionRing(std::uint32_t entries, WaitQueue& sleepers)
      : slots_(std::make_unique<Entry[]>(entries)), mask_(entries - 1), sleepers_(sleepers) {
    check(std::has_single_bit(entries), "ring size is not a power of two");
  }

  std::uint32_t size() const { return mask_ + 1; }

  /// Kernel: posts one entry and wakes a sleeper. The producers' lock is the caller's. False if the
  /// ring is full.
  Task<bool> post(Atomic& ctx, const Entry& entry) {
    const std::uint32_t head = co_await head_.load_acquire(ctx);
    if (tail_copy_ - head >= size()) co_return false;
    slots_[tail_copy_ & mask_] = entry;
    ++tail_copy_;
    co_await tail_.store_release(ctx, tail_copy_);
    ctx.show(events::RingPosted{});
    co_await smp_mb(
        ctx);  // the tail before the look at who sleeps; pairs with the one in take-then-sleep
    if (!sleepers_.empty()) co_await sleepers_.wake_one(ctx);
    co_return true;
  }

  /// User: takes the oldest entry, if there is one.
  Task<std::optional<Entry>> take(Atomic& user) {
    const std::uint32_t head = co_await head_.load_relaxed(user);
    const std::uint32_t tail = co_await tail_.load_acquire(user);
    if (head == tail) co_return std::nullopt;
    const Entry entry = slots_[head & mask_];
    co_await head_.store_release(user, head + 1);
    user.show(events::RingTaken{});
    co_return entry;
  }

  /// Whether entries are visible, for wait conditions.
  Task<bool> has_entries(Atomic& ctx) {
    const std::uint32_t head = co_await head_.load_acquire(ctx);
    const std::uint32_t tail = co_await tail_.load_acquire(ctx);
    co_return head != tail;
  }

 private:
  std::unique_ptr<Entry[]> slots_;
  const std::uint32_t mask_;
  WaitQueue& sleepers_;
  Shared<std::uint32_t> head_;
  Shared<std::uint32_t> tail_;
  std::uint32_t tail_copy_ = 0;
};

}  // namespace iodrome::kernel
