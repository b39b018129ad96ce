// SPDX-License-Identifier: Apache-2.0
// What threads of the application synchronise with: mutexes and condition variables over futexes,
// as a C library has them.
//
// Costs: `mutex_lock` for each lock and unlock, as in the kernel: two locked operations; a system
// call only where somebody waits. What a condition does without a call costs nothing.
// Source: glibc nptl/lowlevellock.c (the word's three values); pthread_cond_wait(3).
#pragma once
#include <boost/intrusive/list.hpp>

#include "model/kernel/sync/futex.h"
#include "model/kernel/syscall.h"

namespace iodrome::designs {

/// A process's futexes, and where the words of its locks stand.
class UserSync {
 public:
  explicit UserSync(kernel::System& system) : futexes(system) {}
  UserSync(const UserSync&) = delete;
  UserSync& operator=(const UserSync&) = delete;

  /// A cache line that nobody else has.
  std::uint64_t place() { return next_ += 64; }
  kernel::FutexTable futexes;

 private:
  std::uint64_t next_ = 0x7f00'0000'0000;
};

/// A mutex of the default kind. Whoever waits sleeps in the kernel at once, without spinning.
///
/// Order: none; who comes by may take it before the waiter that was woken.
class UserMutex {
 public:
  explicit UserMutex(UserSync& sync) : futexes_(sync.futexes), word_(sync.place()) {}

  /// May sleep, in user mode.
  Task<void> lock(kernel::Sleepable& user);
  /// Of who comes from a condition: whether others wait is not known, so the word says that they
  /// do, and the next unlock() makes a system call.
  Task<void> lock_again(kernel::Sleepable& user);
  Task<void> unlock(kernel::Sleepable& user);
  /// How often somebody had to sleep for it.
  std::uint64_t contended() const { return contended_; }

 private:
  static constexpr std::uint32_t kFree = 0;
  static constexpr std::uint32_t kHeld = 1;
  static constexpr std::uint32_t kWaited = 2;  // held, and somebody may wait
  Task<bool> take_or_mark(kernel::Sleepable& user);
  Task<void> wait_for_it(kernel::Sleepable& user);

  kernel::FutexTable& futexes_;
  kernel::FutexWord word_;
  std::uint64_t contended_ = 0;
};

/// A condition variable of one mutex.
///
/// Order: FIFO.
/// Differs from glibc: each waiter has a word of its own, instead of two groups with theirs; the
/// system calls are the same.
class UserCondition {
 public:
  explicit UserCondition(UserSync& sync) : sync_(sync) {}
  UserCondition(const UserCondition&) = delete;
  UserCondition& operator=(const UserCondition&) = delete;

  /// With the mutex held, which is let go while the caller sleeps.
  /// Errors: ETIMEDOUT, nobody has signalled it by then.
  Task<Errno> wait(kernel::Sleepable& user, UserMutex& mutex, SimTime deadline = kNever);
  /// Wakes the one that has waited longest, if there is one; with the mutex held.
  Task<void> signal(kernel::Sleepable& user);

 private:
  struct Waiter : boost::intrusive::list_base_hook<
                      boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
    explicit Waiter(std::uint64_t at) : word(at) {}
    kernel::FutexWord word;  // 1: signalled
  };

  UserSync& sync_;
  boost::intrusive::list<Waiter, boost::intrusive::constant_time_size<false>> waiters_;
};

}  // namespace iodrome::designs
