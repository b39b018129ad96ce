// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/sync/futex.h"

#include <boost/intrusive/list.hpp>

namespace iodrome::kernel {

// Its bucket is that of its word, until somebody has woken it.
struct FutexTable::Waiter
    : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
  Thread* thread = nullptr;
  Bucket* bucket = nullptr;
  std::uint64_t address = 0;
};

struct FutexTable::Bucket {
  Spinlock lock{"futex_hash_bucket"};
  Waiters waiters;
  std::size_t pending = 0;  // who is queued or about to be: a waker without any need not lock
};

FutexTable::FutexTable(System& system) {
  constexpr std::size_t kPerCpu = 256;
  for (std::size_t i = 0; i < std::bit_ceil(kPerCpu * system.cpus.size()); ++i)
    buckets_.push_back(std::make_unique<Bucket>());
}

FutexTable::~FutexTable() = default;

std::size_t FutexTable::index_of(const FutexWord& word) const {
  // Neighbouring words go far apart.
  std::uint64_t mixed = word.address * 0x9e3779b97f4a7c15u;
  mixed ^= mixed >> 32;
  return static_cast<std::size_t>(mixed) & (buckets_.size() - 1);
}

// --- waiting ------------------------------------------------------------------------------------

Task<Result<std::int64_t>> FutexTable::wait(Sleepable& ctx, FutexWord& word, std::uint32_t expected,
                                            SimTime deadline) {
  if (word.address % 4 != 0) co_return fail(Errno::einval);
  co_await ctx.spend(ctx.costs().futex_call);
  Bucket& bucket = *buckets_[index_of(word)];
  ++bucket.pending;
  Spinlock::Guard guard = co_await bucket.lock.lock_plain(ctx);
  const std::uint32_t value = co_await word.value.load_acquire(ctx);
  if (value != expected) {
    --bucket.pending;
    co_return fail(Errno::eagain);
  }
  Waiter waiter;
  waiter.thread = &ctx.thread();
  waiter.bucket = &bucket;
  waiter.address = word.address;
  bucket.waiters.push_back(waiter);
  ++waiters_;
  guard.unlock();
  const Result<std::int64_t> slept = co_await sleep(ctx, waiter, deadline);
  co_return slept;
}

Task<Result<std::int64_t>> FutexTable::sleep(Sleepable& ctx, Waiter& waiter, SimTime deadline) {
  Thread& me = ctx.thread();
  const bool timed = deadline != kNever;
  SleepTimer timer(me, SleepClock::high_resolution);
  if (timed) co_await timer.start(ctx, deadline);
  while (waiter.bucket != nullptr && !timer.expired() && !me.interrupted()) {
    me.interruptible = true;
    co_await ctx.block("futex", events::Stage::queue);
    me.interruptible = false;
  }
  if (timed) co_await timer.stop(ctx);
  const bool was_queued = co_await unqueue(ctx, waiter);
  if (!was_queued) co_return 0;
  co_return fail(timer.expired() ? Errno::etimedout : Errno::erestartsys);
}

// False: a waker has taken the waiter out already.
Task<bool> FutexTable::unqueue(Sleepable& ctx, Waiter& waiter) {
  while (waiter.bucket != nullptr) {
    Bucket& bucket = *waiter.bucket;
    Spinlock::Guard guard = co_await bucket.lock.lock_plain(ctx);
    if (waiter.bucket != &bucket) continue;  // woken or requeued meanwhile
    waiter.unlink();
    waiter.bucket = nullptr;
    --bucket.pending;
    --waiters_;
    co_return true;
  }
  co_return false;
}

// --- waking -------------------------------------------------------------------------------------

std::int64_t FutexTable::take(Bucket& from, const FutexWord& word, std::int64_t most,
                              Waiters& taken) {
  std::int64_t count = 0;
  for (auto it = from.waiters.begin(); it != from.waiters.end() && count < most;) {
    Waiter& waiter = *it++;
    if (waiter.address != word.address) continue;
    waiter.unlink();
    waiter.bucket = nullptr;
    taken.push_back(waiter);
    --from.pending;
    --waiters_;
    ++count;
  }
  return count;
}

std::int64_t FutexTable::move(Bucket& from, const FutexWord& word, std::int64_t most, Bucket& to,
                              const FutexWord& next) {
  std::int64_t count = 0;
  Waiters moved;
  for (auto it = from.waiters.begin(); it != from.waiters.end() && count < most;) {
    Waiter& waiter = *it++;
    if (waiter.address != word.address) continue;
    waiter.unlink();
    waiter.bucket = &to;
    waiter.address = next.address;
    moved.push_back(waiter);
    --from.pending;
    ++to.pending;
    ++count;
  }
  to.waiters.splice(to.waiters.end(), moved);
  return count;
}

// After the bucket's lock is gone, as Linux's wake_q. A waiter that goes on by itself meanwhile
// leaves the list.
Task<void> FutexTable::wake_taken(Atomic& ctx, Waiters& taken) {
  while (!taken.empty()) {
    co_await ctx.spend(ctx.costs().try_to_wake_up);
    if (taken.empty()) break;
    Waiter& waiter = taken.front();
    taken.pop_front();
    co_await kernel::wake_up(ctx, *waiter.thread);
  }
}

bool FutexTable::may_have_waiters(const FutexWord& word) const {
  return buckets_[index_of(word)]->pending != 0;
}

Task<Result<std::int64_t>> FutexTable::wake(Sleepable& ctx, FutexWord& word, std::int32_t count) {
  if (word.address % 4 != 0) co_return fail(Errno::einval);
  co_await ctx.spend(ctx.costs().futex_call);
  // The caller's store to the word comes before the look for waiters; theirs are the other way
  // round.
  co_await smp_mb(ctx);
  Bucket& bucket = *buckets_[index_of(word)];
  if (bucket.pending == 0) co_return 0;
  Waiters taken;
  Spinlock::Guard guard = co_await bucket.lock.lock_plain(ctx);
  const std::int64_t woken = take(bucket, word, std::max(count, 1), taken);
  guard.unlock();
  co_await wake_taken(ctx, taken);
  co_return woken;
}

Task<Result<std::int64_t>> FutexTable::requeue(Sleepable& ctx, FutexWord& word, std::int32_t wake,
                                               FutexWord& to, std::int32_t requeue,
                                               std::optional<std::uint32_t> expected) {
  if (word.address % 4 != 0 || to.address % 4 != 0) co_return fail(Errno::einval);
  if (wake < 0 || requeue < 0) co_return fail(Errno::einval);
  co_await ctx.spend(ctx.costs().futex_call);
  const std::size_t first = std::min(index_of(word), index_of(to));
  const std::size_t second = std::max(index_of(word), index_of(to));
  Waiters taken;
  // Both buckets, in one order everywhere.
  Spinlock::Guard guard = co_await buckets_[first]->lock.lock_plain(ctx);
  std::optional<Spinlock::Guard> other;
  if (second != first) {
    Spinlock::Guard both = co_await buckets_[second]->lock.lock_plain(ctx);
    other.emplace(std::move(both));
  }
  const std::uint32_t value = co_await word.value.load_acquire(ctx);
  if (expected && value != *expected) co_return fail(Errno::eagain);
  Bucket& from = *buckets_[index_of(word)];
  std::int64_t count = take(from, word, wake, taken);
  count += move(from, word, requeue, *buckets_[index_of(to)], to);
  if (other) other->unlock();
  guard.unlock();
  co_await wake_taken(ctx, taken);
  co_return count;
}

}  // namespace iodrome::kernel
