// SPDX-License-Identifier: Apache-2.0
// A CPU: a run queue, three interrupt levels and an account of its time.
//
// Invariants
//  1. At most one burst per level; a level is frozen exactly while a higher one is active.
//  2. Every instant belongs to one class: the class of the highest active level, or of the thread,
//  or idle.
//  3. A thread is in state running on one CPU, runnable in one run queue, or sleeping in neither.
//
// Differs from Linux: the depth of an idle state follows from how long the CPU has been idle, not
// from a governor's guess. Hardirqs do not nest.
#pragma once
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "model/engine/shared.h"
#include "model/events/probe.h"
#include "model/events/sched.h"
#include "model/events/stage.h"
#include "model/kernel/cpu/burst.h"
#include "model/kernel/cpu/ipi.h"
#include "model/kernel/cpu/run_queue.h"
#include "model/kernel/cpu/thread.h"
#include "model/kernel/system.h"

namespace iodrome::kernel {

class Atomic;
class Ksoftirqd;
class LoadBalance;

/// Linux's softirq vectors, by their numbers, which are their order of service.
enum class Softirq : std::uint8_t {
  hi = 0,
  timer = 1,
  net_tx = 2,
  net_rx = 3,
  block = 4,
  tasklet = 6,
  sched = 7
};
inline constexpr int kSoftirqs = 8;

/// What the tick does besides the scheduler's work: run_local_timers().
class TickListener {
 public:
  /// In the tick's hardirq.
  virtual void tick() = 0;
  /// The tick that is due now is left out, since the CPU has become idle; it was the last.
  virtual void tick_left_out() = 0;

 protected:
  ~TickListener() = default;
};

/// LOCAL_TIMER_VECTOR of x86: no device is given it.
inline constexpr std::uint64_t kLocalTimerVector = 0xec;

class alignas(64) Cpu {
 public:
  Cpu(System& system, std::uint32_t index);
  ~Cpu();
  Cpu(const Cpu&) = delete;
  Cpu& operator=(const Cpu&) = delete;

  std::uint32_t index() const { return index_; }
  System& system() { return system_; }
  Timeline& timeline() { return timeline_; }
  MemoryView& memory() { return memory_; }
  events::CpuAccount& account() { return account_; }

  /// True if no thread runs or waits here.
  bool idle() const { return system_.idle_cpus.test(index_); }
  std::uint32_t socket() const { return socket_; }
  Thread* current() { return current_; }

  /// Interrupts. Any code may raise; the handler runs on this CPU at once, or after the hardirq in
  /// progress, or when interrupts are enabled again. Under exploration the oracle may let it strike
  /// later: once the burst in progress has ended, in the next one.
  void raise_irq(IrqAction& action);
  void disable_irqs() { ++irqs_disabled_; }
  void enable_irqs();
  bool irqs_enabled() const { return irqs_disabled_ == 0 && !active_[2]; }
  /// Holds softirqs back, as local_bh_disable(); hardirqs still come.
  void disable_softirqs() { ++softirqs_disabled_; }
  void enable_softirqs();
  bool softirqs_enabled() const { return softirqs_disabled_ == 0 && !active_[1]; }
  /// Marks a softirq pending; it runs when the hardirq in progress ends, or at once.
  void raise_softirq(Softirq vector);
  void on_softirq(Softirq vector, IrqAction& action) {
    softirq_actions_[static_cast<int>(vector)] = &action;
  }
  /// tasklet_schedule(), or with `hi` tasklet_hi_schedule(): runs `action` once in that softirq of
  /// this CPU, however often it is scheduled before it begins. Any code may call it.
  ///
  /// Order: FIFO, before a handler that on_softirq() set for that vector.
  void schedule_tasklet(IrqAction& action, Softirq vector = Softirq::tasklet);
  bool softirqs_pending() const { return pending_softirqs_ != 0; }
  /// Serves them now, on behalf of the thread that runs: ksoftirqd.
  void serve_softirqs();

  /// Who hears of this CPU's ticks; one of them.
  void on_tick(TickListener& listener) { tick_listener_ = &listener; }
  /// When the tick under way comes; kNever without one.
  SimTime next_tick() const { return current_ == nullptr ? kNever : tick_.due_at(); }

  // The scheduler's half, used by Thread code through context.h and by wake_up().
  /// Makes a thread runnable here. `waker` is the CPU whose code does it; nullptr: none does, as
  /// where a request arrives or a thread is new. True: that CPU sent an interrupt.
  bool enqueue(Thread& thread, Cpu* waker);
  /// Fair threads that run or wait here.
  std::int64_t fair_threads() const {
    const bool fair_runs = current_ != nullptr && current_->policy == SchedPolicy::normal;
    return run_queue_.fair_waiting() + (fair_runs ? 1 : 0);
  }
  /// Has a thread that waits or runs here go to a CPU that it may run on.
  void push_away(Thread& thread, Cpu* caller);
  void block_current();
  void preempt_current(Spend& spend);
  void give_way(Arrival how);
  /// Whether another thread should have the CPU and the running one may be taken off it here.
  bool should_preempt() const { return need_resched_ && may_preempt(); }
  bool need_resched() const { return need_resched_; }
  bool yields_to_somebody();
  void exit_current();
  /// A thread that sleeps has the CPU from now on in place of the one that runs, which sleeps: no
  /// switch to the scheduler or the account, and nothing resumes it. See StandIn.
  void swap_current(Thread& with);
  void turn_to(events::CpuClass cpu_class);
  /// Lets go of all threads, once their code has been destroyed.
  void forget_threads() { run_queue_.clear(); }

  /// The address space that is loaded; 0: none yet.
  std::uint32_t loaded_mm() const { return mm_; }
  /// Loads one for the thread that runs. True: it was another, and the caller pays mm_switch.
  bool load_mm(std::uint32_t mm) { return std::exchange(mm_, mm) != mm; }

  // Bursts.
  /// Spends at once, if nothing could interrupt or preempt meanwhile.
  bool try_spend(Level level, Duration length) {
    if (frozen_[static_cast<int>(level)]) return false;
    if (need_resched_ && level == Level::thread && may_preempt()) return false;
    return timeline_.try_advance(length);
  }
  bool frozen(Level level) const { return frozen_[static_cast<int>(level)]; }
  void begin(Burst& burst, Duration length);
  void fired(Burst& burst);
  bool in_interrupt() const { return active_[1] || active_[2]; }

 private:
  struct IrqLoop;
  struct Switch : Burst {
    static void done(Burst* self);
  };
  // Raises the local timer's interrupt while a thread has the CPU.
  struct Tick final : Event, IrqAction {
    explicit Tick(Cpu& cpu) : Event{&Tick::due}, cpu_(cpu) { vector = kLocalTimerVector; }
    void keep_on();
    SimTime due_at() const { return pending_ ? due_at_ : kNever; }
    Task<void> handle(Atomic& ctx) override;

   private:
    static void due(Event* self);
    Cpu& cpu_;
    bool pending_ = false;
    SimTime due_at_{};
  };
  // Has this CPU look at its run queue: the way back from the interrupt is what it is for.
  struct Reschedule final : Ipi {
    explicit Reschedule(Cpu& cpu) : Ipi(cpu, kRescheduleVector) {}
    Task<void> handle(Atomic&) override { return Task<void>::ready(); }
  };
  // The way out of an idle state.
  struct IdleExit final : Event {
    explicit IdleExit(Cpu& of) : Event{&IdleExit::due}, cpu(of) {}
    static void due(Event* self);
    Cpu& cpu;
    bool under_way = false;
  };

  // Interrupts that wait for this CPU, in order of arrival. Whenever none does it begins anew with
  // its first place: a ring would take the CPU's interrupts through all its cache lines.
  class PendingIrqs {
   public:
    PendingIrqs() { actions_.reserve(16); }
    bool empty() const { return actions_.empty(); }
    bool contains(const IrqAction& action) const {
      const auto first = actions_.begin() + static_cast<std::ptrdiff_t>(taken_);
      return std::find(first, actions_.end(), &action) != actions_.end();
    }
    void push_back(IrqAction& action) {
      if (taken_ >= kTaken) {  // a storm that never lets it be empty
        actions_.erase(actions_.begin(), actions_.begin() + static_cast<std::ptrdiff_t>(taken_));
        taken_ = 0;
      }
      actions_.push_back(&action);
    }
    IrqAction& take_front() {
      IrqAction& action = *actions_[taken_++];
      if (taken_ == actions_.size()) {
        actions_.clear();
        taken_ = 0;
      }
      return action;
    }

   private:
    static constexpr std::size_t kTaken = 64;
    std::vector<IrqAction*> actions_;
    std::size_t taken_ = 0;
  };

  friend class LoadBalance;
  void adopt(Thread& thread);
  void enter(Level level);
  void leave(Level level);
  void refreeze();
  void set_frozen(int level, bool frozen);
  Atomic* context_of(int level);
  events::CpuClass class_now() const;
  bool preempt_for(Cpu* waker);
  bool enqueue_on_idle(Thread& thread, Cpu* waker);
  void go_idle();
  void leave_idle_state();
  Duration idle_exit_latency() const;
  Duration cost_of_switch_to(Thread& next);
  void leave_thread(events::PrevState state);
  void pick_next();
  void switch_to(Thread& next);
  void dispatch();
  bool strikes_later();
  void preempt_if_legal();
  void resched_current();
  void tell_watchers(void (SchedWatcher::*what)(Thread&));
  void tick_current();
  bool may_preempt() const {
    return current_->preempt_count == 0 && irqs_disabled_ == 0 &&
           (current_->cpu_class == events::CpuClass::user ||
            system_.scheduler.preemption == Preemption::full);
  }
  Task<void> hardirq_loop();
  Task<void> softirq_loop();
  Task<void> run_tasklets(Atomic& ctx, Softirq vector);
  static Task<void> run_these(Atomic& ctx, std::vector<IrqAction*>& tasklets);
  Task<void> wake_ksoftirqd(Atomic& ctx);
  std::vector<IrqAction*>& tasklets_of(Softirq vector) {
    return vector == Softirq::hi ? hi_tasklets_ : tasklets_;
  }

  // What every burst looks at stands in the first two cache lines, what each interrupt and switch
  // does behind it: with 64 CPUs nothing else of them stays in the host's cache.
  System& system_;
  Timeline& timeline_;
  Thread* current_ = nullptr;
  Burst* burst_[kLevels] = {nullptr, nullptr, nullptr};
  bool active_[kLevels] = {true, false, false};
  bool frozen_[kLevels] = {false, false, false};
  events::Stage interrupted_stage_[kLevels] = {};
  bool need_resched_ = false;
  bool pulled_ = false;           // who runs next comes from another CPU's queue
  bool halted_ = true;            // in an idle state
  bool irq_after_burst_ = false;  // an interrupt waits for the end of the burst in progress

  std::uint32_t irqs_disabled_ = 0;
  std::uint32_t pending_softirqs_ = 0;
  std::uint32_t softirqs_disabled_ = 0;
  const std::uint32_t index_;
  const std::uint32_t socket_;
  std::uint32_t mm_ = 0;  // the address space that is loaded
  PendingIrqs pending_irqs_;
  events::CpuAccount account_;
  std::uint64_t last_thread_ = 0;
  events::PrevState last_state_ = events::PrevState::runnable;
  SimTime idle_since_{};
  std::unique_ptr<IrqLoop> hardirq_;
  std::unique_ptr<IrqLoop> softirq_;
  RunQueue run_queue_;
  Switch switch_;

  MemoryView memory_;
  IrqAction* softirq_actions_[kSoftirqs] = {};
  std::vector<IrqAction*> tasklets_;  // scheduled and not yet begun
  std::vector<IrqAction*> hi_tasklets_;
  std::unique_ptr<LoadBalance> balance_;  // which enters its softirq above
  std::unique_ptr<Ksoftirqd> ksoftirqd_;
  Tick tick_;
  Reschedule reschedule_;
  IdleExit idle_exit_;
  TickListener* tick_listener_ = nullptr;
};

}  // namespace iodrome::kernel
