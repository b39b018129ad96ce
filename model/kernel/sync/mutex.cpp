// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/sync/mutex.h"

#include "model/kernel/sync/burn.h"

namespace iodrome::kernel {

using events::LockMode;

namespace {

bool on_cpu(const Thread& thread) {
  return thread.cpu->current() == &thread;
}

}  // namespace

// A place in the queue of spinners. Its first looks at the mutex whenever the owner unlocks or
// leaves its CPU, and when it should make room for another thread itself.
class Mutex::Spinner : public SpinnerPlace, ResumeEvent {
 public:
  Spinner(Mutex& mutex, Sleepable& ctx)
      : mutex_(mutex), ctx_(ctx), owner_watch_(*this), own_watch_(*this) {
    mutex.spinners_.push_back(*this);
  }
  ~Spinner() {
    if (!is_linked()) return;
    unlink();
    mutex_.tell_first_spinner();
  }
  Spinner(const Spinner&) = delete;
  Spinner& operator=(const Spinner&) = delete;

  /// Something may have changed.
  void tell() {
    if (!suspended_) return;
    suspended_ = false;
    ctx_.system().timeline.post(*this);
  }

  // Awaited for the next change.
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) {
    handle = waiter;
    suspended_ = true;
    if (first() && mutex_.owner_ != nullptr) mutex_.owner_->watchers.push_back(owner_watch_);
    ctx_.thread().watchers.push_back(own_watch_);
  }
  void await_resume() {
    own_watch_.unlink();
    if (owner_watch_.is_linked()) owner_watch_.unlink();
  }
  bool first() const { return &mutex_.spinners_.front() == this; }

 private:
  struct OwnerWatch final : SchedWatcher {
    explicit OwnerWatch(Spinner& of) : spinner(of) {}
    void off_cpu(Thread&) override { spinner.tell(); }
    void on_cpu(Thread&) override {}
    Spinner& spinner;
  };
  struct OwnWatch final : SchedWatcher {
    explicit OwnWatch(Spinner& of) : spinner(of) {}
    void off_cpu(Thread&) override {}
    void on_cpu(Thread&) override {}
    void need_resched(Thread&) override { spinner.tell(); }
    Spinner& spinner;
  };

  Mutex& mutex_;
  Sleepable& ctx_;
  OwnerWatch owner_watch_;
  OwnWatch own_watch_;
  bool suspended_ = false;
};

void Mutex::tell_first_spinner() {
  if (!spinners_.empty()) static_cast<Spinner&>(spinners_.front()).tell();
}

// --- locking ------------------------------------------------------------------------------------

bool Mutex::try_acquire(Thread& thread) {
  if (owner_ != nullptr && !(handed_over_ && owner_ == &thread)) return false;
  owner_ = &thread;
  handed_over_ = false;
  return true;
}

Task<void> Mutex::lock(Sleepable& ctx, Place at) {
  class_.acquire(ctx, LockMode::exclusive, at);
  check(owner_ != &ctx.thread(), "a thread locks a mutex that it owns");
  check(ctx.thread().preempt_count == 0, "a mutex is locked while a spinlock is held");
  if (try_acquire(ctx.thread())) [[likely]]
    return then_done(ctx.spend(ctx.costs().mutex_lock));
  return then_done(lock_slow(ctx, false, at));
}

Task<Result<void>> Mutex::lock_interruptible(Sleepable& ctx, Place at) {
  class_.acquire(ctx, LockMode::exclusive, at);
  check(owner_ != &ctx.thread(), "a thread locks a mutex that it owns");
  check(ctx.thread().preempt_count == 0, "a mutex is locked while a spinlock is held");
  if (!try_acquire(ctx.thread())) co_return co_await lock_slow(ctx, true, at);
  co_await ctx.spend(ctx.costs().mutex_lock);
  co_return Result<void>{};
}

Task<bool> Mutex::try_lock(Sleepable& ctx, Place at) {
  const bool taken = try_acquire(ctx.thread());
  if (taken) class_.acquire(ctx, LockMode::exclusive_try, at);
  co_await ctx.spend(ctx.costs().mutex_lock);
  co_return taken;
}

Task<Result<void>> Mutex::lock_slow(Sleepable& ctx, bool interruptible, Place at) {
  class_.contended(ctx, at);
  co_await ctx.spend(ctx.costs().mutex_lock);
  const bool spun = co_await spin(ctx);
  if (spun) co_return Result<void>{};
  const Result<void> slept = co_await sleep(ctx, interruptible);
  if (!slept) class_.release(ctx);
  co_return slept;
}

bool Mutex::worth_spinning(Sleepable& ctx) const {
  if (ctx.cpu().need_resched()) return false;
  return owner_ == nullptr || (!handed_over_ && on_cpu(*owner_));
}

// True: the mutex is taken. False: its owner does not run, or another thread should run here.
Task<bool> Mutex::spin(Sleepable& ctx) {
  if (!worth_spinning(ctx)) co_return false;
  // As in Linux: a spinner that is preempted would hold up all behind it.
  ++ctx.thread().preempt_count;
  Spinner spinner(*this, ctx);
  Burning burning(ctx);
  bool taken = false;
  for (;;) {
    if (ctx.cpu().need_resched()) break;
    if (spinner.first()) {
      taken = try_acquire(ctx.thread());
      if (taken || !worth_spinning(ctx)) break;
    }
    co_await spinner;
    co_await Thawed{ctx};
  }
  burning.stop();
  --ctx.thread().preempt_count;
  co_return taken;
}

Task<Result<void>> Mutex::sleep(Sleepable& ctx, bool interruptible) {
  Thread& me = ctx.thread();
  Waiter waiter;
  waiter.thread = &me;
  waiters_.push_back(waiter);
  bool woken = false;
  while (!try_acquire(me)) {
    if (woken && &waiters_.front() == &waiter) hand_over_ = true;
    if (interruptible && me.interrupted()) {
      waiter.unlink();
      if (waiters_.empty()) hand_over_ = false;
      co_return fail(Errno::eintr);
    }
    me.interruptible = interruptible;
    co_await ctx.block("mutex", events::Stage::queue);
    me.interruptible = false;
    woken = true;
  }
  if (&waiters_.front() == &waiter) hand_over_ = false;
  waiter.unlink();
  co_return Result<void>{};
}

// --- unlocking ----------------------------------------------------------------------------------

Task<void> Mutex::unlock(Sleepable& ctx) {
  check(owner_ == &ctx.thread() && !handed_over_, "a mutex is unlocked by a thread without it");
  class_.release(ctx);
  if (hand_over_ && !waiters_.empty()) {
    owner_ = waiters_.front().thread;
    handed_over_ = true;
    hand_over_ = false;
  } else {
    owner_ = nullptr;
  }
  tell_first_spinner();
  return waiters_.empty() ? Task<void>::ready() : wake_first(ctx);
}

Task<void> Mutex::wake_first(Atomic& ctx) {
  return then(ctx.spend(ctx.costs().try_to_wake_up), [this, &ctx] {
    if (waiters_.empty()) return Task<void>::ready();
    return then_done(wake_up(ctx, *waiters_.front().thread));
  });
}

}  // namespace iodrome::kernel
