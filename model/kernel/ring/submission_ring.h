// SPDX-License-Identifier: Apache-2.0
// A submission ring mapped into user memory: the user produces without a call, the kernel consumes
// when it is entered.
//
// Each access to a shared word is awaited by the caller, so that a ring costs no coroutine:
//   user    head = co_await load_head(user); while there is room(head): write(entry)...;
//           co_await publish(user);
//   kernel  tail = co_await load_tail(ctx); waiting(tail) times: take()...; co_await commit(ctx);
//
// Invariants
//  1. tail - head entries are submitted; both run freely and wrap as 32-bit numbers; a slot is
//  index mod size.
//  2. Only the user writes the tail, after the entries (release); only the kernel writes the head,
//  after it has copied what it took (release).
//  3. The kernel trusts its own copy of the head; a wrong tail can make it take stale entries, at
//  most a ring full of them at a time, nothing else.
#pragma once
#include <algorithm>
#include <bit>
#include <memory>

#include "model/engine/shared.h"
#include "model/kernel/cpu/context.h"

namespace iodrome::kernel {

template <class Entry>
class SubmissionRing {
 public:
  using Index = Shared<std::uint32_t>;

  /// Shape: `entries` is a power of two. `first` is where both indices start.
  explicit SubmissionRing(std::uint32_t entries, std::uint32_t first = 0)
      : slots_(std::make_unique<Entry[]>(entries)),
        mask_(entries - 1),
        head_(first),
        tail_(first),
        user_tail_(first),
        kernel_head_(first) {
    check(std::has_single_bit(entries), "ring size is not a power of two");
  }

  std::uint32_t size() const { return mask_ + 1; }

  /// User: what the kernel has given back.
  Index::Load load_head(Atomic& user) const { return head_.load_acquire(user); }
  /// User: entries that may be written before the next look at the head.
  std::uint32_t room(std::uint32_t head) const { return size() - (user_tail_ - head); }
  /// User: writes an entry, for which there is room. The kernel does not see it yet.
  void write(const Entry& entry) { slots_[user_tail_++ & mask_] = entry; }
  /// User: shows the kernel everything written.
  Index::Store publish(Atomic& user) { return tail_.store_release(user, user_tail_); }

  /// Kernel: what the user has published.
  Index::Load load_tail(Atomic& ctx) const { return tail_.load_acquire(ctx); }
  /// Kernel: entries to take, whatever the user has written into the tail.
  std::uint32_t waiting(std::uint32_t tail) const { return std::min(tail - kernel_head_, size()); }
  /// Kernel: the next entry; to be copied before commit().
  const Entry& take() { return slots_[kernel_head_++ & mask_]; }
  /// Kernel: gives the slots of everything taken back to the user.
  Index::Store commit(Atomic& ctx) { return head_.store_release(ctx, kernel_head_); }

  /// The tail as it is mapped, for the user who writes into it what it likes.
  Index& mapped_tail() { return tail_; }

 private:
  std::unique_ptr<Entry[]> slots_;
  const std::uint32_t mask_;
  Index head_;
  Index tail_;
  std::uint32_t user_tail_;    // the user's own
  std::uint32_t kernel_head_;  // the kernel's own
};

}  // namespace iodrome::kernel
