// SPDX-License-Identifier: Apache-2.0
// Spinlocks: who finds one taken burns its CPU until it is handed over, FIFO. Interrupts stay off
// meanwhile on the holder's CPU, so a handler can take the same lock.
#pragma once
#include <boost/intrusive/list.hpp>

#include "model/kernel/cpu/context.h"

namespace iodrome::kernel {

/// spin_lock_irqsave. `auto guard = co_await lock.lock(ctx);`
///
/// Order: FIFO. Sleeping while a guard lives is an internal error.
class Spinlock {
 public:
  Spinlock() = default;
  Spinlock(const Spinlock&) = delete;
  Spinlock& operator=(const Spinlock&) = delete;

  class Guard;
  Task<Guard> lock(Atomic& ctx);

 private:
  friend class Guard;
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
  Task<Guard> spin(Atomic& ctx);
  Task<Guard> take(Atomic& ctx);
  void release(Atomic& ctx);

  bool held_ = false;
  boost::intrusive::list<Spinner, boost::intrusive::constant_time_size<false>> spinners_;
};

class [[nodiscard]] Spinlock::Guard {
 public:
  Guard(Spinlock& lock, Atomic& ctx) : lock_(&lock), ctx_(&ctx) {}
  Guard(Guard&& other) noexcept : lock_(std::exchange(other.lock_, nullptr)), ctx_(other.ctx_) {}
  Guard& operator=(Guard&&) = delete;
  ~Guard() { unlock(); }
  void unlock() {
    if (lock_ != nullptr) std::exchange(lock_, nullptr)->release(*ctx_);
  }

 private:
  Spinlock* lock_;
  Atomic* ctx_;
};

}  // namespace iodrome::kernel
