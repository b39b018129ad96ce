// SPDX-License-Identifier: Apache-2.0
#include "model/designs/user_sync.h"

namespace iodrome::designs {

using namespace kernel;

Task<void> UserMutex::lock(Sleepable& user) {
  co_await user.spend(user.costs().mutex_lock);
  const bool mine = co_await word_.value.compare_exchange(user, kFree, kHeld);
  if (mine) co_return;
  ++contended_;
  co_await wait_for_it(user);
}

// lll_cond_lock().
Task<void> UserMutex::lock_again(Sleepable& user) {
  co_await user.spend(user.costs().mutex_lock);
  co_await wait_for_it(user);
}

// Who has slept cannot know whether others still do, so it leaves the mark.
Task<void> UserMutex::wait_for_it(Sleepable& user) {
  for (;;) {
    const bool mine = co_await take_or_mark(user);
    if (mine) co_return;
    co_await syscall(user, Sysno::futex, futexes_.wait(user, word_, kWaited));
  }
}

// An exchange for `kWaited`: true if the mutex was free.
Task<bool> UserMutex::take_or_mark(Sleepable& user) {
  for (;;) {
    const std::uint32_t value = co_await word_.value.load_acquire(user);
    const bool done = co_await word_.value.compare_exchange(user, value, kWaited);
    if (done) co_return value == kFree;
  }
}

Task<void> UserMutex::unlock(Sleepable& user) {
  const bool nobody_waits = co_await word_.value.compare_exchange(user, kHeld, kFree);
  if (nobody_waits) co_return;
  const bool waited = co_await word_.value.compare_exchange(user, kWaited, kFree);
  check(waited, "a mutex is unlocked that nobody holds");
  co_await syscall(user, Sysno::futex, futexes_.wake(user, word_, 1));
}

Task<Errno> UserCondition::wait(Sleepable& user, UserMutex& mutex, SimTime deadline) {
  Waiter waiter(sync_.place());
  waiters_.push_back(waiter);
  co_await mutex.unlock(user);
  for (;;) {
    const std::uint32_t signalled = co_await waiter.word.value.load_acquire(user);
    if (signalled != 0) break;
    const Result<std::int64_t> slept =
        co_await syscall(user, Sysno::futex, sync_.futexes.wait(user, waiter.word, 0, deadline));
    if (!slept && slept.error() == Errno::etimedout) break;
  }
  co_await mutex.lock_again(user);
  co_return waiter.is_linked() ? Errno::etimedout : Errno::ok;
}

// The waiter may time out while it is being woken: it finds the mutex held, and then that it was
// signalled. Its word lasts as long.
Task<void> UserCondition::signal(Sleepable& user) {
  if (waiters_.empty()) co_return;
  Waiter& waiter = waiters_.front();
  waiters_.pop_front();
  co_await waiter.word.value.store_release(user, 1);
  co_await syscall(user, Sysno::futex, sync_.futexes.wake(user, waiter.word, 1));
}

}  // namespace iodrome::designs
