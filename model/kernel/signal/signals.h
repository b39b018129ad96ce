// SPDX-License-Identifier: Apache-2.0
// A process's signals and its threads' part in them: struct signal_struct, sighand_struct and what
// a task keeps.
//
// A signal is sent to the process, whose threads share it, or to one of them. A standard one that
// waits already is merged; real-time ones queue, up to RLIMIT_SIGPENDING. It ends an interruptible
// sleep of a thread that does not block it, and is handled on that thread's way back to user mode,
// or taken by sigtimedwait(2) or from a signalfd.
//
// Source: Linux kernel/signal.c, fs/signalfd.c; signal(7), sigaction(2), rt_sigqueueinfo(2),
// sigtimedwait(2), signalfd(2), getrlimit(2).
// Differs: everybody may send to a process; where nobody owns the signals (SignalOwner), a default
// action that would stop or end the process is a bug of who sends the signal; no call is restarted,
// so an interrupted one is EINTR, also where the signal is gone by then; a thread in user mode
// meets the signal on its next way out of the kernel, since nothing kicks its CPU; the lock is part
// of the costs.
#pragma once
#include <array>
#include <functional>
#include <optional>
#include <vector>

#include "model/kernel/poll/pollable.h"
#include "model/kernel/signal/pending_signals.h"
#include "model/kernel/sync/wait_queue.h"

namespace iodrome::kernel {

/// struct sigaction. Without a handler: the default action, or none at all.
struct SigAction {
  /// Runs in user mode. What it refers to outlives the action.
  std::function<Task<void>(Sleepable&, const SigInfo&)> handler{};
  bool ignored = false;        // SIG_IGN
  SigSet mask{};               // blocked while it runs, and the signal itself
  bool no_defer = false;       // SA_NODEFER: the signal itself is not
  bool reset_hand = false;     // SA_RESETHAND: once
  bool no_child_stop = false;  // SA_NOCLDSTOP, of SIGCHLD: not for children that stop or go on
  bool no_child_wait = false;  // SA_NOCLDWAIT: children that end leave no zombies
};

class ProcessSignals;

/// The process that signals belong to: what becomes of it by their default actions.
class SignalOwner {
 public:
  /// do_group_exit(): the process ends, by one of its threads. The caller then ends its thread.
  virtual Task<void> group_exit(Sleepable& self, std::int32_t number) = 0;
  /// do_signal_stop(): all of its threads are to stop. It takes effect before anything is awaited.
  virtual Task<void> group_stop(Sleepable& self, std::int32_t number) = 0;
  /// A thread on its way to user mode: where the process is stopped, it stays here.
  virtual Task<void> stay_stopped(Sleepable& self) = 0;
  /// A SIGCONT is being sent: what is stopped goes on, by the sender.
  virtual Task<void> go_on(Atomic& sender) = 0;
  /// A signal that ends the process, and leaves no core, has been sent: SIGNAL_GROUP_EXIT.
  virtual void begin_exit(std::int32_t number) = 0;
  virtual bool exits() const = 0;

 protected:
  ~SignalOwner() = default;
};

/// A thread's blocked and pending signals, from when it can be sent some until it ends.
class ThreadSignals {
 public:
  ThreadSignals(ProcessSignals& process, Thread& thread);
  /// At the thread's end or before; what is pending here is lost.
  ~ThreadSignals() { exit(); }
  ThreadSignals(const ThreadSignals&) = delete;
  ThreadSignals& operator=(const ThreadSignals&) = delete;

  ProcessSignals& process() { return process_; }
  /// exit_signals(): none comes any more.
  void exit();
  /// JOBCTL_PENDING_MASK: as long as it is wanted, the thread has to come by its way to user mode.
  void attend(bool wanted);
  /// task_is_stopped(): until it goes on, nothing but SIGKILL is for this thread.
  void stop(bool stopped) { stopped_ = stopped; }
  SigSet blocked() const { return blocked_; }
  /// sigpending(2) without the mask: what waits here or at the process.
  SigSet waiting() const;
  /// set_current_blocked(). What it blocks anew and waits at the process is shown to the others.
  void block(SigSet mask);
  /// dequeue_signal(): the thread's own before the process's.
  std::optional<SigInfo> take(SigSet wanted);
  /// For a sleep of sigtimedwait(2): they end it, and are kept though they be ignored.
  void wait_for(SigSet wanted);
  /// After it; the mask is what it was.
  void waited();

  /// set_user_sigmask(): another mask for one call; the old one comes back with restore_mask(), or
  /// once what this one lets in is handled.
  void block_for_call(SigSet mask);
  void restore_mask();

 private:
  friend class ProcessSignals;
  friend struct Thread;
  friend class Delivery;
  // recalc_sigpending().
  void recalculate();
  bool wants(std::int32_t number) const;

  ProcessSignals& process_;
  Thread* thread_;  // nullptr: it has ended
  SigSet blocked_;
  SigSet real_blocked_;  // during sigtimedwait(2), else empty
  std::optional<SigSet> saved_mask_;
  PendingSignals pending_;
  bool attend_ = false;   // its process stops or goes on
  bool stopped_ = false;  // it does
};

class ProcessSignals {
 public:
  /// RLIMIT_SIGPENDING: entries that may wait, of all threads together.
  ProcessSignals(System& system, std::uint64_t most_pending, SignalOwner* owner = nullptr)
      : system_(system), most_pending_(most_pending), owner_(owner) {}
  ProcessSignals(const ProcessSignals&) = delete;
  ProcessSignals& operator=(const ProcessSignals&) = delete;

  /// send_signal_locked(), in any context: to one of its threads, or to the process.
  ///
  /// Errors: ESRCH, the thread, or the last one, has ended; EAGAIN, a real-time signal that was not
  /// sent by kill(2) finds RLIMIT_SIGPENDING reached. Standard ones then, and kill(2)'s, are
  /// pending without what they carry.
  Task<Errno> send(Atomic& ctx, SigInfo info, ThreadSignals* to = nullptr);
  /// To one of its threads at no CPU's cost: what comes from outside the machine.
  void send_from_outside(std::int32_t number, ThreadSignals& to);

  SignalOwner* owner() { return owner_; }
  void set_most_pending(std::uint64_t most) { most_pending_ = most; }
  /// copy_sighand(): a fork's child does as its parent; what is pending stays with that.
  void copy_actions(const ProcessSignals& from) { actions_ = from.actions_; }
  /// zap_other_threads(), or the same for a group stop: `except` apart, all threads have to come by
  /// their way to user mode. Marked at once, then woken from interruptible sleeps, and from
  /// killable ones if they are to end.
  Task<void> summon(Atomic& ctx, const ThreadSignals* except, bool to_end);

  const SigAction& action(std::int32_t number) const { return actions_.at(index(number)); }
  /// SA_RESETHAND.
  void reset_handler(std::int32_t number) { actions_.at(index(number)).handler = nullptr; }
  /// What waits and is ignored from now on is dropped.
  void set_action(std::int32_t number, SigAction action);

  std::uint64_t queued() const { return queued_; }
  const std::vector<ThreadSignals*>& threads() const { return threads_; }
  /// Where readers and pollers of signalfds wait.
  WaitQueue& readers() { return readers_; }

 private:
  friend class ThreadSignals;
  void leave(const ThreadSignals& thread);
  static std::size_t index(std::int32_t number) { return static_cast<std::size_t>(number - 1); }
  bool ignores(std::int32_t number) const;
  bool has_room(const SigInfo& info) const;
  ThreadSignals* find_taker(std::int32_t number, ThreadSignals* to);
  Task<void> prepare(Atomic& ctx, std::int32_t number);
  void flush(SigSet numbers);
  bool fatal(std::int32_t number) const;
  Task<void> wake(Atomic& ctx, std::uint64_t thread_id);
  void show_to_others(const ThreadSignals& except, SigSet which);

  System& system_;
  std::uint64_t most_pending_;
  SignalOwner* const owner_;
  std::uint64_t queued_ = 0;
  PendingSignals shared_;
  std::vector<ThreadSignals*> threads_;  // in the order in which they came
  std::size_t turn_ = 0;                 // curr_target: who is asked next
  std::array<SigAction, kSigMax> actions_;
  WaitQueue readers_{"signalfd"};
};

/// Whether the thread's process could take what a call of its own brings upon it.
bool takes_signals(const Thread& thread);
/// send_sig() to oneself: such a signal, of a thread that takes_signals().
Task<void> send_to_self(Sleepable& ctx, std::int32_t number);

}  // namespace iodrome::kernel
