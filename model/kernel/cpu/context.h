// SPDX-License-Identifier: Apache-2.0
// Contexts are types: code that may sleep takes Sleepable&, code that must not takes Atomic&.
// Sleepable converts to Atomic and never back, so sleeping in an interrupt handler does not
// compile.
#pragma once
#include "model/kernel/cost.h"
#include "model/kernel/cpu/cpu.h"
#include "model/kernel/system.h"

namespace iodrome::kernel {

/// Spends CPU time in a context; interrupts add to it, the scheduler may preempt it. Made by
/// Atomic::spend.
class [[nodiscard]] Spend : public Burst {
 public:
  Spend(Atomic& ctx, Duration length) : ctx_(ctx), length_(length) {}
  /// Before it is awaited.
  Spend(const Spend& other) : Burst(), ctx_(other.ctx_), length_(other.length_) {}
  Spend& operator=(const Spend&) = delete;
  bool await_ready();
  void await_suspend(std::coroutine_handle<> waiter);
  void await_resume() const noexcept {}

 private:
  static void done(Burst* self);
  Atomic& ctx_;
  Duration length_;
  std::coroutine_handle<> waiter_;
};

/// Any context. Interrupt handlers get exactly this. Made by the engine, never stored.
class Atomic {
 public:
  Atomic(System& system, Cpu& cpu, Level level) : system_(system), cpu_(&cpu), level_(level) {}
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;

  System& system() { return system_; }
  Cpu& cpu() { return *cpu_; }
  Level level() const { return level_; }
  MemoryView& memory() { return cpu_->memory(); }
  SimTime now() const { return system_.timeline.now(); }
  KernelCosts& costs() { return system_.costs; }

  /// Charges a named cost, `times` over.
  Spend spend(Cost& cost, std::uint64_t times = 1) { return spend(charge(cost, times)); }
  /// Of several costs with nothing between them that anybody could see, each is counted, and their
  /// sum is spent at once: `ctx.spend(ctx.charge(one) + ctx.charge(other))`.
  [[nodiscard]] Duration charge(Cost& cost, std::uint64_t times = 1) {
    const Duration length = cost.each * static_cast<std::int64_t>(times);
    cost.count += times;
    cost.total += length;
    return length;
  }
  Spend spend(Duration charged) { return {*this, charged + std::exchange(owed_, Duration{0})}; }
  /// The same where the other cost is somebody else's: it is spent with this context's next one, of
  /// the same CPU class, which nothing comes before that anybody could see.
  void owe(Cost& cost, std::uint64_t times = 1) { owed_ += charge(cost, times); }
  Spend spend() { return spend(Duration{0}); }
  bool owes() const { return owed_ != Duration{0}; }
  /// Charges a cost's fixed part plus a time that depends on the amount, under the cost's name.
  Spend spend_for(Cost& cost, Duration variable) {
    ++cost.count;
    cost.total += cost.each + variable;
    return spend(cost.each + variable);
  }
  template <class E>
  void emit(const E& event) {
    system_.probe.emit(event, cpu_->index());
  }
  /// For observers alone; see events::Probe::show.
  template <class E>
  void show(const E& event) {
    system_.probe.show(event, cpu_->index());
  }

  /// The request this context works on, if any; its time is charged to it from now on.
  events::StageLedger* ledger() { return ledger_; }
  void work_on(events::StageLedger* ledger, events::Stage stage) {
    ledger_ = ledger;
    set_stage(stage);
  }
  void stop_work() { ledger_ = nullptr; }
  void set_stage(events::Stage stage) {
    stage_ = stage;
    if (ledger_ != nullptr) ledger_->enter(stage, now());
  }
  events::Stage stage() const { return stage_; }

 protected:
  friend class Cpu;
  System& system_;
  Cpu* cpu_;
  Level level_;
  events::StageLedger* ledger_ = nullptr;
  events::Stage stage_ = events::Stage::kernel;
  Duration owed_{0};
};

inline bool Spend::await_ready() {
  return length_ == Duration{0} || ctx_.cpu().try_spend(ctx_.level(), length_);
}

/// Suspends the thread until wake_up(). Queue it somewhere first; a wake-up in between is not lost.
class [[nodiscard]] Block {
 public:
  Block(Sleepable& ctx, const char* waits_for, events::Stage stage)
      : ctx_(ctx), waits_for_(waits_for), stage_(stage) {}
  bool await_ready();
  void await_suspend(std::coroutine_handle<> waiter);
  void await_resume();

 private:
  Sleepable& ctx_;
  const char* waits_for_;
  events::Stage stage_;
};

/// Lets another thread have the CPU. Made by Sleepable::cond_resched and sched_yield.
class [[nodiscard]] GiveWay {
 public:
  GiveWay(Sleepable& ctx, Arrival how) : ctx_(ctx), how_(how) {}
  bool await_ready();
  void await_suspend(std::coroutine_handle<> waiter);
  void await_resume() const noexcept {}

 private:
  Sleepable& ctx_;
  Arrival how_;
};

/// A thread's context: it may sleep.
class Sleepable : public Atomic {
 public:
  Sleepable(System& system, Cpu& cpu, Thread& thread)
      : Atomic(system, cpu, Level::thread), thread_(thread) {}
  Thread& thread() { return thread_; }

  /// Sleeps until woken; `waits_for` names the reason, `stage` owns the request's time.
  Block block(const char* waits_for, events::Stage stage) { return {*this, waits_for, stage}; }
  /// Gives way if somebody should run instead: for kernel code that goes on for long.
  GiveWay cond_resched() { return {*this, Arrival::preempted}; }
  /// sched_yield(2): behind the waiting threads of its real-time priority; a fair thread gives way
  /// only to who has had no more.
  GiveWay sched_yield() { return {*this, Arrival::yielded}; }
  void turn_to(events::CpuClass cpu_class) {
    thread_.cpu_class = cpu_class;
    cpu_->turn_to(cpu_class);
  }

 private:
  friend class Cpu;
  Thread& thread_;
};

/// Makes a sleeping thread runnable, which costs the waker try_to_wake_up before, and what is to be
/// awaited now: the interrupt to another CPU, where one is needed.
///
/// Order: on its last CPU if that is idle, else on the first idle one after it in its socket, else
/// in the sockets after that, else on its last; of those it may run on.
/// Differs from Linux: the waker's own CPU is not preferred; other sockets are looked at here too.
Spend wake_up(Atomic& ctx, Thread& thread);
/// The same from inside the scheduler, or from outside all CPUs (nullptr), where nobody can pay.
/// True: an interrupt was sent.
bool wake_up(System& system, Thread& thread, Cpu* waker);

/// Makes a context work on a request for a scope, and gives back what it worked on before. Where
/// the scope handed the request over (stop_work()), an outer scope of the same request does not
/// take it back.
class WorkOn {
 public:
  WorkOn(Atomic& ctx, events::StageLedger* ledger, events::Stage stage)
      : ctx_(ctx), mine_(ledger), before_(ctx.ledger()), stage_before_(ctx.stage()) {
    ctx.work_on(ledger, stage);
  }
  ~WorkOn() {
    const bool handed_over = ctx_.ledger() == nullptr;
    ctx_.stop_work();
    if (before_ != nullptr && !(handed_over && before_ == mine_))
      ctx_.work_on(before_, stage_before_);
  }
  WorkOn(const WorkOn&) = delete;
  WorkOn& operator=(const WorkOn&) = delete;

 private:
  Atomic& ctx_;
  events::StageLedger* mine_;
  events::StageLedger* before_;
  events::Stage stage_before_;
};

}  // namespace iodrome::kernel
