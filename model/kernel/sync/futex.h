// SPDX-License-Identifier: Apache-2.0
// Futexes: user space locks with a word of its own, and comes here only to sleep and to wake.
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "model/engine/result.h"
#include "model/engine/shared.h"
#include "model/kernel/sync/spinlock.h"
#include "model/kernel/time/sleep.h"

namespace iodrome::kernel {

/// A 32-bit word of user memory and where it stands there.
struct FutexWord {
  explicit FutexWord(std::uint64_t at, std::uint32_t initial = 0) : value(initial), address(at) {}
  Shared<std::uint32_t> value;
  std::uint64_t address;
};

/// The private futexes of one address space. The calls are bodies of futex(2), Sysno::futex.
///
/// Order: a word's waiters FIFO.
/// Errors, of all: EINVAL, the address is no multiple of four.
/// Differs from Linux: private futexes only, without bitsets, priorities, PI and robust lists; the
/// word is always resident, so never EFAULT.
/// Source: futex(2), Linux kernel/futex/.
class FutexTable {
 public:
  /// As Linux, 256 buckets per CPU.
  explicit FutexTable(System& system);
  ~FutexTable();
  FutexTable(const FutexTable&) = delete;
  FutexTable& operator=(const FutexTable&) = delete;

  /// FUTEX_WAIT: sleeps until woken, if the word holds `expected`; 0. The comparison and the
  /// queueing are one step to every waker.
  ///
  /// Errors: EAGAIN, the word holds something else; ETIMEDOUT; ERESTARTSYS, a signal came.
  Task<Result<std::int64_t>> wait(Sleepable& ctx, FutexWord& word, std::uint32_t expected,
                                  SimTime deadline = kNever);
  /// FUTEX_WAKE: wakes at most `count` of the word's waiters, and one if that is below one; how
  /// many.
  Task<Result<std::int64_t>> wake(Sleepable& ctx, FutexWord& word, std::int32_t count);
  /// FUTEX_CMP_REQUEUE, and FUTEX_REQUEUE without `expected`: wakes at most `wake` waiters and lets
  /// at most `requeue` more wait at `to` from now on; how many it woke and requeued.
  ///
  /// Errors: EINVAL, a number is negative; EAGAIN, the word does not hold `expected`.
  Task<Result<std::int64_t>> requeue(Sleepable& ctx, FutexWord& word, std::int32_t wake,
                                     FutexWord& to, std::int32_t requeue,
                                     std::optional<std::uint32_t> expected = std::nullopt);

  /// Whether anybody may wait at the word or at one of its bucket, for wakers that may not lock:
  /// the store to the word, then a full barrier, come before it.
  bool may_have_waiters(const FutexWord& word) const;

  /// Who waits in all; for checks.
  std::size_t waiters() const { return waiters_; }

 private:
  struct Bucket;
  struct Waiter;
  using Waiters = boost::intrusive::list<Waiter, boost::intrusive::constant_time_size<false>>;

  std::size_t index_of(const FutexWord& word) const;
  Task<bool> unqueue(Sleepable& ctx, Waiter& waiter);
  Task<Result<std::int64_t>> sleep(Sleepable& ctx, Waiter& waiter, SimTime deadline);
  std::int64_t take(Bucket& from, const FutexWord& word, std::int64_t most, Waiters& taken);
  static std::int64_t move(Bucket& from, const FutexWord& word, std::int64_t most, Bucket& to,
                           const FutexWord& next);
  static Task<void> wake_taken(Atomic& ctx, Waiters& taken);

  std::vector<std::unique_ptr<Bucket>> buckets_;
  std::size_t waiters_ = 0;
};

}  // namespace iodrome::kernel
