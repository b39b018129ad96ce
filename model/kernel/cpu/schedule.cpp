// SPDX-License-Identifier: Apache-2.0
// The scheduler's half of a CPU: who runs next, and when it takes the CPU from whom.
#include "model/events/sched.h"
#include "model/kernel/cpu/affinity.h"
#include "model/kernel/cpu/balance.h"
#include "model/kernel/cpu/context.h"
#include "model/kernel/cpu/cpu.h"

namespace iodrome::kernel {

using events::CpuClass;
using events::PrevState;
using events::Stage;

bool Cpu::enqueue(Thread& thread, Cpu* waker) {
  thread.state = Thread::State::runnable;
  adopt(thread);
  if (current_ != nullptr) run_queue_.update_current(*current_, timeline_.now());
  run_queue_.place(thread, current_, system_.scheduler);
  system_.idle_cpus.clear(index_);
  if (current_ == nullptr) return enqueue_on_idle(thread, waker);
  system_.overloaded_cpus.set(index_);
  if (thread.context->ledger() != nullptr)
    thread.context->ledger()->enter(Stage::run_queue, timeline_.now());
  run_queue_.push(thread, Arrival::woken);
  return RunQueue::wakeup_preempts(thread, *current_, system_.scheduler) && preempt_for(waker);
}

// Its distance in virtual time comes along.
void Cpu::adopt(Thread& thread) {
  thread.vruntime += run_queue_.virtual_clock() - thread.cpu->run_queue_.virtual_clock();
  thread.cpu = this;
}

// Here at once, on another CPU by an interrupt, of which one is enough.
bool Cpu::preempt_for(Cpu* waker) {
  const bool told = need_resched_;
  resched_current();
  if (waker == this || waker == nullptr) {
    preempt_if_legal();
    return false;
  }
  if (told || reschedule_.under_way()) return false;
  reschedule_.send();
  return true;
}

void Cpu::push_away(Thread& thread, Cpu* caller) {
  if (current_ == &thread) {
    preempt_for(caller);
    return;
  }
  run_queue_.remove(thread);
  if (current_ == nullptr && run_queue_.empty()) system_.idle_cpus.set(index_);
  first_allowed(system_, thread).enqueue(thread, caller);
}

void Cpu::block_current() {
  Thread& thread = *current_;
  thread.state = Thread::State::sleeping;
  thread.blocked_since = timeline_.now();
  leave_thread(PrevState::sleeping);
}

// Who spins has no burst that would be cut short: it looks for itself.
void Cpu::resched_current() {
  need_resched_ = true;
  tell_watchers(&SchedWatcher::need_resched);
}

void Cpu::tell_watchers(void (SchedWatcher::*what)(Thread&)) {
  SchedWatchers& watchers = current_->watchers;
  if (watchers.empty()) [[likely]]
    return;
  for (auto next = watchers.begin(); next != watchers.end();) ((*next++).*what)(*current_);
}

// In the middle of a burst, if a thread's burst is what goes on; else its next spend finds out.
void Cpu::preempt_if_legal() {
  Burst* const burst = burst_[0];
  if (frozen_[0] || burst == nullptr || burst == &switch_ || !may_preempt()) return;
  burst->left = burst->end - timeline_.now();
  burst_[0] = nullptr;
  preempt_current(*static_cast<Spend*>(burst));
}

void Cpu::preempt_current(Spend& spend) {
  current_->preempted = &spend;
  give_way(Arrival::preempted);
}

void Cpu::give_way(Arrival how) {
  Thread& thread = *current_;
  thread.state = Thread::State::runnable;
  if (thread.context->ledger() != nullptr)
    thread.context->ledger()->enter(Stage::run_queue, timeline_.now());
  run_queue_.update_current(thread, timeline_.now());
  const bool stays = thread.may_run_on(index_);
  if (stays) run_queue_.push(thread, how);
  leave_thread(PrevState::runnable);
  if (!stays) first_allowed(system_, thread).enqueue(thread, this);
}

void Cpu::exit_current() {
  current_->state = Thread::State::dead;
  leave_thread(PrevState::dead);
}

void Cpu::swap_current(Thread& with) {
  Thread& from = *current_;
  check(with.state == Thread::State::sleeping, "who stands in does not rest");
  check(with.policy == from.policy && with.weight == from.weight && with.mm == from.mm,
        "who stands in is of another kind");
  // Balancing could take it where its caller may not follow.
  check(with.pinned == from.pinned && with.allowed == nullptr && from.allowed == nullptr,
        "who stands in, or whom it stands in for, is kept to some CPUs");
  run_queue_.update_current(from, timeline_.now());
  from.state = Thread::State::sleeping;
  from.blocked_since = timeline_.now();
  with.state = Thread::State::running;
  with.waits_for = nullptr;
  with.vruntime = from.vruntime;
  with.ran = from.ran;
  with.exec_start = timeline_.now();
  with.placed = true;
  with.cpu = with.ran_on = this;
  with.cpu_class = from.cpu_class;
  with.context->cpu_ = this;
  current_ = &with;
  system_.probe.show(events::SchedSwitch{index_, from.id, with.id,
                                         static_cast<std::uint64_t>(PrevState::sleeping)},
                     index_);
}

void Cpu::leave_thread(PrevState state) {
  if (state != PrevState::runnable) run_queue_.update_current(*current_, timeline_.now());
  tell_watchers(&SchedWatcher::off_cpu);
  last_thread_ = current_->id;
  last_state_ = state;
  current_ = nullptr;
  pick_next();
}

void Cpu::pick_next() {
  need_resched_ = false;
  if (run_queue_.empty() && !(pulled_ = balance_->newidle())) {
    system_.probe.show(
        events::SchedSwitch{index_, last_thread_, 0, static_cast<std::uint64_t>(last_state_)},
        index_);
    last_thread_ = 0;
    system_.idle_cpus.set(index_);
    go_idle();
    return turn_to(CpuClass::idle);
  }
  switch_to(run_queue_.take_next());
}

void Cpu::switch_to(Thread& next) {
  system_.probe.emit(
      events::SchedSwitch{index_, last_thread_, next.id, static_cast<std::uint64_t>(last_state_)},
      index_);
  current_ = &next;
  next.ran = Duration{0};
  next.exec_start = timeline_.now();
  tick_.keep_on();
  const Duration length = cost_of_switch_to(next);
  if (next.context->ledger() != nullptr) {
    // Frozen from the start: the time until the switch can begin is the interrupt's.
    next.context->ledger()->enter(frozen_[0] ? Stage::stolen : Stage::wakeup, timeline_.now());
    interrupted_stage_[0] = Stage::wakeup;
  }
  switch_.prepare(Level::thread, &Switch::done);
  begin(switch_, length);
  turn_to(CpuClass::switching);
}

// A kernel thread borrows the address space that it finds.
Duration Cpu::cost_of_switch_to(Thread& next) {
  Duration length{0};
  const auto charge = [&length](Cost& cost) {
    ++cost.count;
    cost.total += cost.each;
    length += cost.each;
  };
  KernelCosts& costs = system_.costs;
  charge(costs.context_switch);
  if (last_thread_ == 0) charge(costs.idle_exit);
  if (std::exchange(pulled_, false)) charge(costs.load_balance);
  if (next.mm != 0 && load_mm(next.mm)) charge(costs.mm_switch);
  if (next.ran_on != nullptr && next.ran_on != this)
    charge(next.ran_on->socket_ == socket_ ? costs.migration : costs.socket_migration);
  next.ran_on = this;
  return length;
}

void Cpu::Switch::done(Burst* self) {
  self->cpu->dispatch();
}

void Cpu::dispatch() {
  Thread& thread = *current_;
  thread.state = Thread::State::running;
  thread.waits_for = nullptr;
  Sleepable& ctx = *thread.context;
  ctx.cpu_ = this;
  if (ctx.ledger() != nullptr) ctx.ledger()->enter(ctx.stage(), timeline_.now());
  turn_to(thread.cpu_class);
  tell_watchers(&SchedWatcher::on_cpu);
  if (thread.preempted == nullptr) return thread.continuation.resume();
  Spend& spend = *std::exchange(thread.preempted, nullptr);
  begin(spend, spend.left);
  if (need_resched_) preempt_if_legal();  // somebody came during the switch
}

// --- the tick -----------------------------------------------------------------------------------

// Every CPU's ticks lie on one grid. An idle CPU has none: the event that is under way when it
// becomes idle is the last.
void Cpu::Tick::keep_on() {
  if (pending_ || cpu_.system_.scheduler.hz == 0) return;
  pending_ = true;
  const Duration period = Duration{1s} / cpu_.system_.scheduler.hz;
  const Duration past = cpu_.timeline_.now().time_since_epoch() % period;
  due_at_ = cpu_.timeline_.now() + (period - past);
  cpu_.timeline_.at(due_at_, *this);
}

void Cpu::Tick::due(Event* self) {
  auto& tick = *static_cast<Tick*>(self);
  if (tick.cpu_.current_ != nullptr) return tick.cpu_.raise_irq(tick);
  tick.pending_ = false;
  if (tick.cpu_.tick_listener_ != nullptr) tick.cpu_.tick_listener_->tick_left_out();
}

Task<void> Cpu::Tick::handle(Atomic& ctx) {
  pending_ = false;
  if (cpu_.current_ != nullptr) keep_on();
  return then(ctx.spend(ctx.costs().tick), [this, &ctx] {
    if (cpu_.tick_listener_ != nullptr) cpu_.tick_listener_->tick();
    cpu_.tick_current();
    return cpu_.balance_->tick(ctx);
  });
}

void Cpu::tick_current() {
  if (current_ == nullptr) return;
  run_queue_.update_current(*current_, timeline_.now());
  if (!run_queue_.tick_preempts(*current_, system_.scheduler)) return;
  if (run_queue_.beats(*current_, Arrival::preempted))
    resched_current();
  else
    current_->ran = Duration{0};  // picked again at once, without a switch
}

bool Cpu::yields_to_somebody() {
  run_queue_.update_current(*current_, timeline_.now());
  return run_queue_.beats(*current_, Arrival::yielded);
}

}  // namespace iodrome::kernel
