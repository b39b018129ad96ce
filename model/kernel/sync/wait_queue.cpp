// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/sync/wait_queue.h"

namespace iodrome::kernel {

Errno errno_of(WaitOutcome outcome) {
  if (outcome == WaitOutcome::interrupted) return Errno::erestartsys;
  return outcome == WaitOutcome::timed_out ? Errno::etimedout : Errno::ok;
}

// --- entries ------------------------------------------------------------------------------------

void WaitQueue::add(WaitEntry& entry) {
  check(entry.function != nullptr, "an entry without a function is a thread's, and that waits");
  link(entry);
}

void WaitQueue::remove(WaitEntry& entry) {
  Entries& list = list_of(entry);
  const auto at = list.iterator_to(entry);
  for (Walk& walk : walks_)
    if (walk.next == at && &walk.list == &list) ++walk.next;
  if (entry.function != nullptr) --functions_;
  list.erase(at);
}

// --- waking -------------------------------------------------------------------------------------

// Wakes one of the first `oldest` exclusive threads: the way of nearly every wake-up.
Task<void> WaitQueue::wake_among(Atomic& ctx, std::size_t oldest) {
  return then(ctx.spend(ctx.costs().try_to_wake_up), [this, &ctx, oldest] {
    if (exclusive_.empty()) return Task<void>::ready();  // somebody else woke it meanwhile
    if (functions_ != 0) [[unlikely]]
      return wake_up(ctx, 1, 0);
    const auto options = static_cast<std::uint32_t>(std::min(oldest, exclusive_.size()));
    auto sleeper = exclusive_.begin();
    std::advance(sleeper, ctx.system().timeline.choices().choose(Choice::wake, options, name_));
    Thread& thread = *sleeper->thread;
    remove(*sleeper);
    return then_done(kernel::wake_up(ctx, thread));
  });
}

Task<void> WaitQueue::wake_up(Atomic& ctx, std::size_t exclusive, WakeKey key) {
  const bool go_on = co_await walk(ctx, sharers_, 0, key);
  if (go_on) co_await walk(ctx, exclusive_, exclusive, key);
}

// Asks those that are queued now, until `exclusive` of them have been woken. One that queues itself
// again at once must not keep the waker here. False: a function said stop.
Task<bool> WaitQueue::walk(Atomic& ctx, Entries& list, std::size_t exclusive, WakeKey key) {
  Walk walk(list);
  walks_.push_back(walk);
  std::size_t woken = 0;
  for (std::size_t left = list.size(); left > 0 && walk.next != list.end(); --left) {
    const Woken made = co_await wake_at(ctx, walk, key);
    if (made == Woken::stop) co_return false;
    if (made == Woken::yes && ++woken == exclusive) break;
  }
  co_return true;
}

Task<Woken> WaitQueue::wake_at(Atomic& ctx, Walk& walk, WakeKey key) {
  if (walk.next->function == nullptr) {
    co_await ctx.spend(ctx.costs().try_to_wake_up);
    if (walk.next == walk.list.end()) co_return Woken::no;
  }
  if (walk.next->function == nullptr) {
    WaitEntry& entry = choose_from(ctx.system(), walk);
    Thread& thread = *entry.thread;
    remove(entry);
    co_await kernel::wake_up(ctx, thread);
    co_return Woken::yes;
  }
  WaitEntry& entry = *walk.next;
  ++walk.next;  // the function may remove its entry, and free it
  const Woken made = co_await entry.function(ctx, entry, key);
  co_return made;
}

// Among the threads from the next on, up to a function.
WaitEntry& WaitQueue::choose_from(System& system, Walk& walk) {
  if (!system.timeline.choices().exploring()) return *walk.next;
  std::uint32_t threads = 0;
  for (auto it = walk.next; it != walk.list.end() && it->function == nullptr; ++it) ++threads;
  auto chosen = walk.next;
  std::advance(chosen, system.timeline.choices().choose(Choice::wake, threads, name_));
  return *chosen;
}

void WaitQueue::wake_from_outside(System& system) {
  for (Entries* const list : {&sharers_, &exclusive_})
    for (auto it = list->begin(); it != list->end();) {
      WaitEntry& entry = *it++;
      if (entry.function != nullptr) continue;
      Thread& thread = *entry.thread;
      remove(entry);
      kernel::wake_up(system, thread, nullptr);
    }
}

// --- sleeping -----------------------------------------------------------------------------------

// A thread's place in a queue; leaves it with its scope.
class WaitQueue::Sleeper : public WaitEntry {
 public:
  Sleeper(WaitQueue& queue, Thread& me, const WaitOptions& options) : queue_(queue) {
    thread = &me;
    exclusive = options.exclusive;
    last_in_first_out = options.last_in_first_out;
    me.interruptible = options.interruptible;
    me.killable = options.killable;
    me.woken = false;  // a wake-up from before is no news to this sleep
    queue.link(*this);
  }
  ~Sleeper() { leave(); }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  /// True if no waker has chosen the thread.
  bool leave() {
    if (!is_linked()) return false;
    queue_.remove(*this);
    return true;
  }

 private:
  WaitQueue& queue_;
};

namespace {
// signal_pending_state().
bool signal_ends(const Thread& me, const WaitOptions& options) {
  return (options.interruptible && me.interrupted()) || (options.killable && me.fatal_pending);
}
}  // namespace

Task<WaitOutcome> WaitQueue::wait_for(Sleepable& ctx, const char* waits_for, events::Stage stage,
                                      WaitOptions options) {
  Thread& me = ctx.thread();
  if (signal_ends(me, options)) co_return WaitOutcome::interrupted;
  if (options.deadline <= ctx.now()) co_return WaitOutcome::timed_out;
  const bool timed = options.deadline != kNever;
  SleepTimer timer(me, options.clock);
  Sleeper place(*this, me, options);
  if (timed) co_await timer.start(ctx, options.deadline);
  co_await ctx.block(waits_for, stage);
  const bool unchosen = place.leave();
  if (timed) co_await timer.stop(ctx);
  me.interruptible = me.killable = me.woken = false;
  if (!unchosen) co_return WaitOutcome::woken;
  if (signal_ends(me, options)) co_return WaitOutcome::interrupted;
  co_return timer.expired() ? WaitOutcome::timed_out : WaitOutcome::woken;
}

void signal_wake_up(System& system, Thread& thread, Cpu* waker) {
  thread.signal_pending = true;
  if (thread.interruptible) kernel::wake_up(system, thread, waker);
}

}  // namespace iodrome::kernel
