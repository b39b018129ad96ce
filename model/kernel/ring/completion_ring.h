// SPDX-License-Identifier: Apache-2.0
// A completion ring mapped into user memory: the kernel produces in any context, the user consumes
// without a call.
//
// Invariants
//  1. tail - head entries are visible; both run freely and wrap as 32-bit numbers; a slot is index
//  mod size.
//  2. Only the kernel writes the tail, after the entry (release); only the user writes the head,
//  after reading (release).
//  3. The kernel counts for itself what it has posted. Head and tail are the user's to spoil: any
//  head at most makes the ring look full or empty, any tail means nothing to the kernel.
#pragma once
#include <algorithm>
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

  class Append;
  /// Kernel: posts one entry and wakes nobody. The producers' lock is the caller's. False if the
  /// ring is full.
  Append append(Atomic& ctx, const Entry& entry) { return Append(*this, ctx, entry); }

  /// Kernel: posts one entry and wakes a sleeper. The producers' lock is the caller's. False if the
  /// ring is full.
  Task<bool> post(Atomic& ctx, const Entry& entry) {
    return then(Append(*this, ctx, entry), [this, &ctx](bool posted) {
      return then(posted ? sleepers_.wake_one(ctx) : Task<void>::ready(),
                  [posted] { return Task<bool>::ready(posted); });
    });
  }

  class Take;
  /// User: takes the oldest entry, if there is one.
  Take take(Atomic& user) { return Take(*this, user); }

  class Look;
  /// Whether entries are visible, for wait conditions.
  Look has_entries(Atomic& ctx) const { return Look(*this, ctx); }

  class Occupied;
  /// Kernel: how many entries the user has not taken, by the kernel's own count and the user's
  /// head; the ring's size if that head can not be.
  Occupied occupied(Atomic& ctx) const { return Occupied(*this, ctx); }
  /// Kernel: entries posted so far; the slot of number n is n mod size.
  std::uint64_t posted() const { return posted_; }
  /// Kernel: most entries that were ever visible at once, as far as the user's head told.
  std::uint32_t high_water() const { return high_water_; }

  /// The words as the user has them mapped: nothing keeps it from writing there.
  struct UserWords {
    Shared<std::uint32_t>& head;
    Shared<std::uint32_t>& tail;
  };
  UserWords user_words() { return {head_, tail_}; }

 private:
  std::uint32_t used_with(std::uint32_t head) const {
    return std::min(static_cast<std::uint32_t>(posted_) - head, size());
  }

  std::unique_ptr<Entry[]> slots_;
  const std::uint32_t mask_;
  WaitQueue& sleepers_;
  Shared<std::uint32_t> head_;
  Shared<std::uint32_t> tail_;
  std::uint64_t posted_ = 0;
  std::uint32_t high_water_ = 0;
};

template <class Entry>
class CompletionRing<Entry>::Append : public AccessSequence<Append> {
 public:
  Append(CompletionRing& ring, Atomic& ctx, const Entry& entry)
      : AccessSequence<Append>(ctx.memory()), ring_(ring), ctx_(ctx), entry_(entry) {}
  static constexpr int kSteps = 3;
  [[gnu::always_inline]] bool step(int number) {
    if (number == 0) {
      const std::uint32_t used = ring_.used_with(ring_.head_.load(this->view_));
      posted_ = used < ring_.size();
      if (!posted_) return true;
      ring_.slots_[ring_.posted_++ & ring_.mask_] = entry_;
      ring_.high_water_ = std::max(ring_.high_water_, used + 1);
      return false;
    }
    if (number == 1) {
      ring_.tail_.store(this->view_, static_cast<std::uint32_t>(ring_.posted_));
      return false;
    }
    // The tail before the look at who sleeps; pairs with the one in take-then-sleep.
    this->view_.flush();
    return true;
  }
  bool await_resume() const {
    if (posted_) ctx_.show(events::RingPosted{});
    return posted_;
  }

 private:
  CompletionRing& ring_;
  Atomic& ctx_;
  const Entry entry_;
  bool posted_ = false;
};

template <class Entry>
class CompletionRing<Entry>::Occupied : public AccessPoint {
 public:
  Occupied(const CompletionRing& ring, Atomic& ctx) : AccessPoint(ctx.memory()), ring_(ring) {}
  std::uint32_t await_resume() const { return ring_.used_with(ring_.head_.load(view_)); }

 private:
  const CompletionRing& ring_;
};

template <class Entry>
class CompletionRing<Entry>::Look : public AccessSequence<Look> {
 public:
  Look(const CompletionRing& ring, Atomic& ctx) : AccessSequence<Look>(ctx.memory()), ring_(ring) {}
  static constexpr int kSteps = 2;
  [[gnu::always_inline]] bool step(int number) {
    if (number == 0)
      head_ = ring_.head_.load(this->view_);
    else
      tail_ = ring_.tail_.load(this->view_);
    return false;
  }
  bool await_resume() const { return head_ != tail_; }

 private:
  const CompletionRing& ring_;
  std::uint32_t head_ = 0;
  std::uint32_t tail_ = 0;
};

template <class Entry>
class CompletionRing<Entry>::Take : public AccessSequence<Take> {
 public:
  Take(CompletionRing& ring, Atomic& user)
      : AccessSequence<Take>(user.memory()), ring_(ring), user_(user) {}
  static constexpr int kSteps = 3;
  [[gnu::always_inline]] bool step(int number) {
    if (number == 0) {
      head_ = ring_.head_.load(this->view_);
      return false;
    }
    if (number == 1) {
      if (head_ == ring_.tail_.load(this->view_)) return true;
      entry_ = ring_.slots_[head_ & ring_.mask_];
      return false;
    }
    ring_.head_.store(this->view_, head_ + 1);
    return true;
  }
  std::optional<Entry> await_resume() const {
    if (entry_) user_.show(events::RingTaken{});
    return entry_;
  }

 private:
  CompletionRing& ring_;
  Atomic& user_;
  std::uint32_t head_ = 0;
  std::optional<Entry> entry_;
};

}  // namespace iodrome::kernel
