// SPDX-License-Identifier: Apache-2.0
// Load balancing: fair threads that wait go to CPUs that have less to do.
#pragma once
#include "model/kernel/cpu/cpu.h"

namespace iodrome::kernel {

/// One CPU's share of it, in three places: in the scheduler when nothing is left to run (newidle),
/// by the tick of a CPU where threads wait while others are idle (it sends one of those an
/// interrupt), and from time to time on every CPU that is busy; the last two in the softirq.
///
/// The domains are the socket and the machine. From the CPU with most fair threads half of the
/// difference comes over, at least two apart, those first that would run first; a newly idle CPU of
/// a preemptible kernel takes one. Threads that ran less than `migration_cost` ago stay, unless
/// that has made earlier looks fail.
/// Source: Linux kernel/sched/fair.c of 6.1, sched-domains.rst; its constants are in the code.
/// Differs from Linux: CPUs are compared by the number of their threads, not by weight, capacity or
/// load tracking; sockets are not weighed as a whole; no running thread is pushed away; intervals
/// do not grow where there is nothing to do; a look in vain by a CPU that becomes idle takes no
/// time; real-time threads are neither pulled nor pushed.
class LoadBalance final : IrqAction {
 public:
  explicit LoadBalance(Cpu& cpu);

  /// sched_balance_newidle(). True: threads have come, and who switches to one pays load_balance.
  bool newidle();
  /// A thread has come to the idle CPU.
  void idle_no_longer();
  /// sched_balance_trigger(), at the end of the tick's hardirq.
  Task<void> tick(Atomic& ctx);

 private:
  struct Kick final : Ipi {
    explicit Kick(Cpu& cpu) : Ipi(cpu, kCallFunctionVector), cpu_(cpu) {}
    Task<void> handle(Atomic& ctx) override;
    Cpu& cpu_;
  };
  struct Level {
    SimTime last{};  // look, from the softirq
    int failed = 0;  // looks in a row that found only threads that stay
  };
  struct Range {
    std::uint32_t begin, end;
  };

  Task<void> handle(Atomic& ctx) override;
  Task<void> balance_all_idle(Atomic& ctx);
  Task<void> rebalance(Atomic& ctx);
  Task<void> balance(Atomic& ctx, int level);
  int levels() const;
  Range domain(int level) const;
  Duration interval(int level, bool busy) const;
  bool due(bool busy) const;
  Duration longest_average() const;
  Cpu* busiest(int level) const;
  Thread* detach(Cpu& from, bool hot_too) const;
  bool pull(Cpu& from, bool hot_too);

  Cpu& cpu_;
  System& system_;
  Kick kick_;
  Level level_[2];
  bool kicked_ = false;
  SimTime idle_since_ = kNever;
  Duration short_of_longest_{};  // the average idle time is, which starts at its longest
};

}  // namespace iodrome::kernel
