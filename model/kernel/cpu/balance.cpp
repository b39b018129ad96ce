// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/cpu/balance.h"

#include <algorithm>
#include <utility>

#include "model/events/sched.h"
#include "model/kernel/cpu/context.h"

namespace iodrome::kernel {

namespace {

// Source: Linux kernel/sched/core.c, sysctl_sched_nr_migrate; 8 on PREEMPT_RT.
constexpr std::int64_t kMostMigrated = 32;
// Source: Linux kernel/sched/topology.c, sd_init(): per CPU of the domain, and on busy CPUs this
// many times that (32 until 5.9).
constexpr Duration kIntervalPerCpu = 1ms;
constexpr int kBusyFactor = 16;
// Source: as above, cache_nice_tries, of a domain that shares a cache and of one that does not.
constexpr int kCacheNiceTries[] = {1, 2};

}  // namespace

LoadBalance::LoadBalance(Cpu& cpu) : cpu_(cpu), system_(cpu.system()), kick_(cpu) {
  cpu.on_softirq(Softirq::sched, *this);
}

// --- the domains --------------------------------------------------------------------------------

int LoadBalance::levels() const {
  return system_.scheduler.sockets > 1 ? 2 : 1;
}

LoadBalance::Range LoadBalance::domain(int level) const {
  const auto count = static_cast<std::uint32_t>(system_.cpus.size());
  if (level > 0) return {0, count};
  const std::uint32_t begin = cpu_.socket() * system_.cpus_per_socket;
  return {begin, std::min(begin + system_.cpus_per_socket, count)};
}

// The one after this CPU, of those with as many threads. Bits of CPUs that have caught up go.
Cpu* LoadBalance::busiest(int level) const {
  const auto [begin, end] = domain(level);
  Cpu* found = nullptr;
  std::int64_t most = cpu_.fair_threads() + 1;
  const auto look = [&, this](std::uint32_t from, std::uint32_t to) {
    for (std::uint32_t i = from; (i = system_.overloaded_cpus.next(i, to)) < to; ++i) {
      Cpu& other = *system_.cpus[i];
      if (other.fair_threads() < 2) system_.overloaded_cpus.clear(i);
      if (other.fair_threads() <= most || (level > 0 && other.socket() == cpu_.socket())) continue;
      most = other.fair_threads();
      found = &other;
    }
  };
  look(cpu_.index() + 1, end);
  look(begin, cpu_.index());
  return found;
}

// --- threads that move --------------------------------------------------------------------------

Thread* LoadBalance::detach(Cpu& from, bool hot_too) const {
  const SimTime now = system_.timeline.now();
  if (from.current_ != nullptr) from.run_queue_.update_current(*from.current_, now);
  Thread* const thread = from.run_queue_.take_fair_if([&, this](const Thread& waiting) {
    const bool hot =
        waiting.ran_on != nullptr && now - waiting.exec_start < system_.scheduler.migration_cost;
    return !waiting.pinned && waiting.may_run_on(cpu_.index()) && (hot_too || !hot);
  });
  if (thread == nullptr) return nullptr;
  // It may be the one for whom the running thread was to give way.
  const bool alone = from.need_resched_ && from.run_queue_.empty();
  if (alone && from.current_->may_run_on(from.index())) from.need_resched_ = false;
  system_.probe.emit(events::SchedMigrateTask{thread->id, from.index(), cpu_.index()},
                     cpu_.index());
  return thread;
}

// --- a CPU becomes idle -------------------------------------------------------------------------

bool LoadBalance::newidle() {
  if (!system_.scheduler.balancing) return false;
  idle_since_ = system_.timeline.now();
  const auto count = static_cast<std::uint32_t>(system_.cpus.size());
  if (system_.overloaded_cpus.next(0, count) == count) return false;
  if (longest_average() - short_of_longest_ < system_.costs.load_balance.each) return false;
  for (int level = 0; level < levels(); ++level) {
    Cpu* const from = busiest(level);
    if (from == nullptr || !pull(*from, level_[level].failed > kCacheNiceTries[level])) continue;
    idle_since_ = kNever;
    level_[level].failed = 0;
    return true;
  }
  return false;
}

bool LoadBalance::pull(Cpu& from, bool hot_too) {
  const bool one = system_.scheduler.preemption == Preemption::full;
  const std::int64_t most = one ? 1 : std::min(from.fair_threads() / 2, kMostMigrated);
  std::int64_t moved = 0;
  for (; moved < most; ++moved) {
    Thread* const thread = detach(from, hot_too);
    if (thread == nullptr) break;
    cpu_.adopt(*thread);
    cpu_.run_queue_.push(*thread, Arrival::preempted);
  }
  if (moved > 1) system_.overloaded_cpus.set(cpu_.index());
  return moved > 0;
}

// Source: Linux kernel/sched/core.c, update_avg() and ttwu_do_activate(): an eighth of the way to
// the idle time that has ended.
void LoadBalance::idle_no_longer() {
  if (idle_since_ == kNever) return;
  const Duration idle = system_.timeline.now() - idle_since_;
  const Duration average = longest_average() - short_of_longest_;
  short_of_longest_ -= (idle - average) / 8;
  short_of_longest_ = std::max(short_of_longest_, Duration{0});
  idle_since_ = kNever;
}

// Twice rq->max_idle_balance_cost.
Duration LoadBalance::longest_average() const {
  return 2 * std::max(system_.scheduler.migration_cost, system_.costs.load_balance.each);
}

// --- from the tick ------------------------------------------------------------------------------

Duration LoadBalance::interval(int level, bool busy) const {
  const auto [begin, end] = domain(level);
  return kIntervalPerCpu * (end - begin) * (busy ? kBusyFactor : 1);
}

bool LoadBalance::due(bool busy) const {
  const SimTime now = system_.timeline.now();
  for (int level = 0; level < levels(); ++level)
    if (now >= level_[level].last + interval(level, busy)) return true;
  return false;
}

Task<void> LoadBalance::tick(Atomic& ctx) {
  const auto count = static_cast<std::uint32_t>(system_.cpus.size());
  if (!system_.scheduler.balancing || count == 1) return Task<void>::ready();
  if (due(true)) cpu_.raise_softirq(Softirq::sched);
  if (cpu_.fair_threads() < 2) return Task<void>::ready();
  const std::uint32_t idle = system_.idle_cpus.next(0, count);
  if (idle == count) return Task<void>::ready();
  LoadBalance& other = *system_.cpus[idle]->balance_;
  if (!other.due(false) || other.kick_.under_way()) return Task<void>::ready();
  other.kick_.send();
  return then_done(ctx.spend(ctx.costs().ipi_send));
}

// nohz_csd_func().
Task<void> LoadBalance::Kick::handle(Atomic&) {
  if (cpu_.idle()) {
    cpu_.balance_->kicked_ = true;
    cpu_.raise_softirq(Softirq::sched);
  }
  return Task<void>::ready();
}

// --- the softirq --------------------------------------------------------------------------------

Task<void> LoadBalance::handle(Atomic& ctx) {
  return std::exchange(kicked_, false) && cpu_.idle() ? balance_all_idle(ctx) : rebalance(ctx);
}

// Its own turn is the last: then it has work, or there is none.
Task<void> LoadBalance::balance_all_idle(Atomic& ctx) {
  const auto count = static_cast<std::uint32_t>(system_.cpus.size());
  for (std::uint32_t i = 1; i <= count && cpu_.idle(); ++i) {
    Cpu& other = *system_.cpus[(cpu_.index() + i) % count];
    if (other.idle()) co_await other.balance_->rebalance(ctx);
  }
}

Task<void> LoadBalance::rebalance(Atomic& ctx) {
  for (int level = 0; level < levels(); ++level) {
    if (ctx.now() < level_[level].last + interval(level, !cpu_.idle())) continue;
    level_[level].last = ctx.now();
    co_await ctx.spend(ctx.costs().load_balance);
    co_await balance(ctx, level);
  }
}

Task<void> LoadBalance::balance(Atomic& ctx, int level) {
  int& failed = level_[level].failed;
  Cpu* const from = busiest(level);
  if (from == nullptr) {
    failed = 0;
    return Task<void>::ready();
  }
  const bool hot_too = failed > kCacheNiceTries[level];
  std::int64_t left = std::min((from->fair_threads() - cpu_.fair_threads()) / 2, kMostMigrated);
  std::uint64_t interrupts = 0;
  bool moved = false;
  for (; left > 0; --left) {
    Thread* const thread = detach(*from, hot_too);
    if (thread == nullptr) break;
    moved = true;
    if (cpu_.enqueue(*thread, &ctx.cpu())) ++interrupts;
  }
  failed = moved ? 0 : failed + 1;
  return then_done(ctx.spend(ctx.costs().ipi_send, interrupts));
}

}  // namespace iodrome::kernel
