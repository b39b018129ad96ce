// SPDX-License-Identifier: Apache-2.0
// Mutexes: who finds one taken spins while the owner runs on another CPU, and sleeps otherwise.
//
// Invariants
//  1. At most one owner; only the owner unlocks.
//  2. A waiter that was woken and found the mutex taken again is handed it by the next unlock, so
//     nobody starves.
#pragma once
#include <boost/intrusive/list.hpp>

#include "model/engine/result.h"
#include "model/kernel/sync/lock_class.h"

namespace iodrome::kernel {

/// `co_await mutex.lock(ctx); ... co_await mutex.unlock(ctx);`
///
/// Order: spinners FIFO, sleepers FIFO; a thread that runs may take a free mutex before a sleeper
/// that is being woken, once.
/// Differs from Linux: a first waiter that was woken does not spin.
/// Source: Linux Documentation/locking/mutex-design.rst.
class Mutex {
 public:
  explicit Mutex(const char* lock_class = nullptr) : class_(lock_class) {}
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  Task<void> lock(Sleepable& ctx, Place at = Place::here());
  /// Errors: EINTR, a signal came first.
  Task<Result<void>> lock_interruptible(Sleepable& ctx, Place at = Place::here());
  /// Never waits. True: it is taken.
  Task<bool> try_lock(Sleepable& ctx, Place at = Place::here());
  /// By somebody else than the owner it is an internal error.
  Task<void> unlock(Sleepable& ctx);

  bool is_locked() const { return owner_ != nullptr; }
  const Thread* owner() const { return owner_; }
  bool has_waiters() const { return !waiters_.empty() || !spinners_.empty(); }

 private:
  using Hook =
      boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
  struct Waiter : Hook {
    Thread* thread = nullptr;
  };
  struct SpinnerPlace : Hook {};
  class Spinner;
  template <class T>
  using List = boost::intrusive::list<T, boost::intrusive::constant_time_size<false>>;

  bool try_acquire(Thread& thread);
  Task<Result<void>> lock_slow(Sleepable& ctx, bool interruptible, Place at);
  Task<bool> spin(Sleepable& ctx);
  Task<Result<void>> sleep(Sleepable& ctx, bool interruptible);
  Task<void> wake_first(Atomic& ctx);
  bool worth_spinning(Sleepable& ctx) const;
  void tell_first_spinner();

  LockClass class_;
  Thread* owner_ = nullptr;
  bool handed_over_ = false;  // owner_ has been given it and has not taken it up
  bool hand_over_ = false;    // the next unlock gives it to the first waiter
  List<Waiter> waiters_;
  List<SpinnerPlace> spinners_;
};

}  // namespace iodrome::kernel
