// SPDX-License-Identifier: Apache-2.0
// Wait queues: threads that sleep, and functions that are called instead of waking somebody. The
// sleeper gives up its CPU, the waker pays for the wake-up.
#pragma once
#include <boost/intrusive/list.hpp>

#include "model/engine/result.h"
#include "model/kernel/time/sleep.h"

namespace iodrome::kernel {

/// What a wake-up tells functions on the queue, e.g. poll events; 0 is everything.
using WakeKey = std::uint64_t;

/// What a function on a queue has made of a wake-up.
enum class Woken : std::uint8_t {
  no,    // nobody was woken: it does not count
  yes,   // counts, if the entry is exclusive
  stop,  // those behind it are not asked
};

/// An entry of a wait queue. One with a function stays until it is removed, by that function or by
/// anybody else; a thread's goes when it is woken.
struct WaitEntry : boost::intrusive::list_base_hook<> {
  /// Called in the context of the waker, which must not be made to sleep.
  using Function = Task<Woken> (*)(Atomic& ctx, WaitEntry& self, WakeKey key);

  WaitEntry() = default;
  explicit WaitEntry(Function to_call) : function(to_call) {}

  Thread* thread = nullptr;
  Function function = nullptr;
  bool exclusive = false;
  bool last_in_first_out = false;  // ahead of the others that are exclusive
};

/// How a sleep ended.
enum class WaitOutcome : std::uint8_t { woken, interrupted, timed_out };
/// ok, ERESTARTSYS or ETIMEDOUT.
Errno errno_of(WaitOutcome outcome);

struct WaitOptions {
  bool exclusive = true;
  bool interruptible = false;
  SimTime deadline = kNever;
  SleepClock clock = SleepClock::jiffies;
  bool last_in_first_out = false;  // __add_wait_queue_exclusive(): the youngest is woken first
  bool killable = false;           // of all signals one that ends the process ends the sleep
};
/// Readers of a descriptor: all are woken, and a signal ends the sleep.
inline constexpr WaitOptions kSharedWait{false, true, kNever};

/// Threads and functions that wait for something to happen.
///
/// Use: `while (!condition) co_await queue.wait(ctx, "what for", stage);`. A wake-up between the
/// check and the sleep is not lost, because the thread is queued first.
///
/// Order: those that are not exclusive come first, the youngest of them foremost; then those that
/// are, FIFO but for those that ask to be first. Under exploration the oracle chooses among
/// neighbouring threads.
class WaitQueue {
 public:
  explicit WaitQueue(const char* name) : name_(name) {}
  WaitQueue(const WaitQueue&) = delete;
  WaitQueue& operator=(const WaitQueue&) = delete;

  class [[nodiscard]] Wait;
  /// Sleeps until the next wake-up, as an exclusive waiter that nothing else ends. The request's
  /// time meanwhile belongs to `stage`.
  Wait wait(Sleepable& ctx, const char* waits_for, events::Stage stage);
  /// The same as `options` say. A deadline is met by the timer of `options.clock`, whose costs the
  /// sleeper pays; one that has passed ends the wait at once.
  ///
  /// Order: a thread that a waker has chosen was woken, whatever else came by then: an exclusive
  /// waiter must not take a wake-up along.
  Task<WaitOutcome> wait_for(Sleepable& ctx, const char* waits_for, events::Stage stage,
                             WaitOptions options);

  /// Queues an entry with a function: at the head, or at the tail if it is exclusive.
  void add(WaitEntry& entry);
  /// Takes an entry from this queue, which it is on.
  void remove(WaitEntry& entry);

  bool empty() const { return sharers_.empty() && exclusive_.empty(); }
  /// Wakes all that are not exclusive and one that is. Legal in any context; each thread costs
  /// try_to_wake_up.
  Task<void> wake_one(Atomic& ctx) {
    if (plain()) [[likely]]
      return exclusive_.empty() ? Task<void>::ready() : wake_among(ctx, exclusive_.size());
    return wake_up(ctx, 1, 0);
  }
  Task<void> wake_all(Atomic& ctx) { return wake_up(ctx, 0, 0); }
  /// Wakes all that are not exclusive and `exclusive` that are; 0: all of them.
  Task<void> wake_up(Atomic& ctx, std::size_t exclusive, WakeKey key);
  /// Wakes every thread at no CPU's cost: for what comes from outside the machine.
  void wake_from_outside(System& system);
  const char* name() const { return name_; }

 private:
  using Entries = boost::intrusive::list<WaitEntry>;
  // Where a waker that is suspended will go on; entries that leave meanwhile move it.
  struct Walk : boost::intrusive::list_base_hook<
                    boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
    explicit Walk(Entries& on) : list(on), next(on.begin()) {}
    Entries& list;
    Entries::iterator next;
  };
  using Walks = boost::intrusive::list<Walk, boost::intrusive::constant_time_size<false>>;

  bool plain() const { return sharers_.empty() && functions_ == 0; }
  Entries& list_of(const WaitEntry& entry) { return entry.exclusive ? exclusive_ : sharers_; }
  void link(WaitEntry& entry) {
    if (entry.exclusive && entry.last_in_first_out)
      exclusive_.push_front(entry);
    else if (entry.exclusive)
      exclusive_.push_back(entry);
    else
      sharers_.push_front(entry);
    if (entry.function != nullptr) ++functions_;
  }
  class Sleeper;
  Task<void> wake_among(Atomic& ctx, std::size_t oldest);
  Task<bool> walk(Atomic& ctx, Entries& list, std::size_t exclusive, WakeKey key);
  Task<Woken> wake_at(Atomic& ctx, Walk& walk, WakeKey key);
  WaitEntry& choose_from(System& system, Walk& walk);

  const char* name_;
  Entries sharers_;
  Entries exclusive_;
  std::size_t functions_ = 0;  // entries that are no thread's
  Walks walks_;
};

class WaitQueue::Wait : WaitEntry {
 public:
  Wait(WaitQueue& queue, Sleepable& ctx, const char* waits_for, events::Stage stage)
      : queue_(queue), block_(ctx, waits_for, stage) {
    thread = &ctx.thread();
    exclusive = true;
  }
  ~Wait() {
    if (is_linked()) queue_.remove(*this);
  }
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;

  bool await_ready() {
    queue_.exclusive_.push_back(*this);
    return block_.await_ready();
  }
  void await_suspend(std::coroutine_handle<> waiter) { block_.await_suspend(waiter); }
  void await_resume() { block_.await_resume(); }

 private:
  WaitQueue& queue_;
  Block block_;
};

inline WaitQueue::Wait WaitQueue::wait(Sleepable& ctx, const char* waits_for, events::Stage stage) {
  return {*this, ctx, waits_for, stage};
}

/// Marks a signal pending for the thread, and wakes it if its sleep is interruptible. Who has a
/// ThreadSignals is sent signals by that; of others, whoever marks it clears the mark.
void signal_wake_up(System& system, Thread& thread, Cpu* waker);

}  // namespace iodrome::kernel
