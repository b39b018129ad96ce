// SPDX-License-Identifier: Apache-2.0
// Readers-writer semaphores: many readers or one writer; who has to wait sleeps.
//
// Invariants
//  1. A writer excludes everybody; readers exclude writers.
//  2. Whoever must wait is handed the lock by the one that lets go: nobody slips in before it.
#pragma once
#include <boost/intrusive/list.hpp>

#include "model/kernel/sync/lock_class.h"

namespace iodrome::kernel {

/// `co_await sem.down_read(ctx); ... co_await sem.up_read(ctx);`
///
/// Order: a reader waits behind everybody who waits. Writers get it FIFO; when the first to wait is
/// a reader, so do all readers that wait, up to 256 (phase-fair, MAX_READERS_WAKEUP). Differs from
/// Linux: handed over, so nobody steals it; nobody spins for it. Source: Linux
/// kernel/locking/rwsem.c.
class Rwsem {
 public:
  explicit Rwsem(const char* lock_class = nullptr) : class_(lock_class) {}
  Rwsem(const Rwsem&) = delete;
  Rwsem& operator=(const Rwsem&) = delete;

  Task<void> down_read(Sleepable& ctx, Place at = Place::here());
  Task<void> down_write(Sleepable& ctx, Place at = Place::here());
  /// Never wait. True: it is taken.
  Task<bool> down_read_try(Sleepable& ctx, Place at = Place::here());
  Task<bool> down_write_try(Sleepable& ctx, Place at = Place::here());
  /// Letting go of what is not held that way is an internal error.
  Task<void> up_read(Sleepable& ctx);
  Task<void> up_write(Sleepable& ctx);
  /// The writer becomes a reader, and readers that wait come in if they are first.
  Task<void> downgrade_write(Sleepable& ctx);

  std::uint32_t readers() const { return readers_; }
  const Thread* writer() const { return writer_; }
  bool has_waiters() const { return !waiters_.empty(); }

 private:
  static constexpr std::uint32_t kMaxReadersWoken = 256;
  struct Waiter : boost::intrusive::list_base_hook<
                      boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
    Thread* thread = nullptr;
    bool reads = false;
    bool granted = false;
  };
  using Waiters = boost::intrusive::list<Waiter, boost::intrusive::constant_time_size<false>>;

  bool read_at_once();
  bool write_at_once(Thread& thread);
  Task<void> wait(Sleepable& ctx, bool reads, Place at);
  Task<void> grant(Sleepable& ctx);
  Task<void> grant_readers(Sleepable& ctx);
  Task<void> wake(Atomic& ctx, Waiter& waiter);

  LockClass class_;
  std::uint32_t readers_ = 0;
  Thread* writer_ = nullptr;
  Waiters waiters_;
};

}  // namespace iodrome::kernel
