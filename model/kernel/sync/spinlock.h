// SPDX-License-Identifier: Apache-2.0
// Spinlocks: who finds one taken burns its CPU until it is handed over, FIFO. What is masked on the
// holder's CPU meanwhile is the caller's choice, as in Linux.
#pragma once
#include <boost/intrusive/list.hpp>

#include "model/kernel/sync/lock_class.h"

namespace iodrome::kernel {

/// `auto guard = co_await lock.lock(ctx);` is spin_lock_irqsave.
///
/// Order: FIFO. Sleeping while a guard lives is an internal error, and so is spinning for a lock
/// that this very CPU holds: it would spin for ever.
class Spinlock {
 public:
  /// A lock without a class is not validated.
  explicit Spinlock(const char* lock_class = nullptr) : class_(lock_class) {}
  Spinlock(const Spinlock&) = delete;
  Spinlock& operator=(const Spinlock&) = delete;

  class Guard;
  /// spin_lock_irqsave: for locks that interrupt handlers take too.
  Task<Guard> lock(Atomic& ctx, Place at = Place::here());
  /// spin_lock_irq: the same where interrupts are known to be on; it is an error if they are not,
  /// since unlocking would turn them on.
  Task<Guard> lock_irq(Atomic& ctx, Place at = Place::here());
  /// spin_lock_bh: for locks that softirqs take too, and hardirqs do not.
  Task<Guard> lock_bh(Atomic& ctx, Place at = Place::here());
  /// spin_lock: keeps the holder on its CPU, and lets interrupts come.
  Task<Guard> lock_plain(Atomic& ctx, Place at = Place::here());
  /// spin_trylock_irqsave: a guard of nothing (`held()` is false) if the lock is taken.
  Task<Guard> try_lock(Atomic& ctx, Place at = Place::here());
  Task<Guard> try_lock_plain(Atomic& ctx, Place at = Place::here());
  bool is_locked() const { return holder_ != nullptr; }

 private:
  friend class Guard;
  enum class Masks : std::uint8_t { nothing, softirqs, irqs };
  // The hook lets go by itself: a run that ends early destroys frames in which somebody spins.
  using Hook =
      boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
  struct Spinner : ResumeEvent, Hook {
    Spinner(Spinlock& lock, Atomic& context) : owner(lock), ctx(context) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) {
      handle = waiter;
      owner.spinners_.push_back(*this);
    }
    void await_resume() const noexcept {}
    Spinlock& owner;
    Atomic& ctx;
  };
  Task<Guard> lock(Atomic& ctx, Masks masks, Place at);
  Task<Guard> try_lock(Atomic& ctx, Masks masks, Place at);
  Task<Guard> spin(Atomic& ctx, Masks masks);
  Task<Guard> take(Atomic& ctx, Masks masks);
  void release(Atomic& ctx, Masks masks);
  static void mask(Atomic& ctx, Masks masks);
  static void unmask(Atomic& ctx, Masks masks);

  LockClass class_;
  Cpu* holder_ = nullptr;
  boost::intrusive::list<Spinner, boost::intrusive::constant_time_size<false>> spinners_;
};

class [[nodiscard]] Spinlock::Guard {
 public:
  Guard(Spinlock* lock, Atomic& ctx, Masks masks) : lock_(lock), ctx_(&ctx), masks_(masks) {}
  Guard(Guard&& other) noexcept
      : lock_(std::exchange(other.lock_, nullptr)), ctx_(other.ctx_), masks_(other.masks_) {}
  Guard& operator=(Guard&&) = delete;
  ~Guard() { unlock(); }
  bool held() const { return lock_ != nullptr; }
  void unlock() {
    if (lock_ != nullptr) std::exchange(lock_, nullptr)->release(*ctx_, masks_);
  }

 private:
  Spinlock* lock_;
  Atomic* ctx_;
  Masks masks_;
};

inline Task<Spinlock::Guard> Spinlock::lock(Atomic& ctx, Place at) {
  return lock(ctx, Masks::irqs, at);
}
inline Task<Spinlock::Guard> Spinlock::lock_bh(Atomic& ctx, Place at) {
  return lock(ctx, Masks::softirqs, at);
}
inline Task<Spinlock::Guard> Spinlock::lock_plain(Atomic& ctx, Place at) {
  return lock(ctx, Masks::nothing, at);
}
inline Task<Spinlock::Guard> Spinlock::try_lock(Atomic& ctx, Place at) {
  return try_lock(ctx, Masks::irqs, at);
}
inline Task<Spinlock::Guard> Spinlock::try_lock_plain(Atomic& ctx, Place at) {
  return try_lock(ctx, Masks::nothing, at);
}

}  // namespace iodrome::kernel
