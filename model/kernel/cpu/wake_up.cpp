// SPDX-License-Identifier: Apache-2.0
// Which CPU a woken thread gets, and which it may have.
#include <algorithm>

#include "model/events/sched.h"
#include "model/kernel/cpu/affinity.h"
#include "model/kernel/cpu/context.h"

namespace iodrome::kernel {

namespace {

// An idle CPU of this socket, looked for from `from` on and round, or nullptr.
Cpu* idle_in_socket(System& system, const Thread& thread, std::uint32_t socket,
                    std::uint32_t from) {
  const auto count = static_cast<std::uint32_t>(system.cpus.size());
  const std::uint32_t begin = socket * system.cpus_per_socket;
  const std::uint32_t end = std::min(begin + system.cpus_per_socket, count);
  if (begin >= end) return nullptr;  // a socket without CPUs
  const CpuMask* const allowed = thread.allowed.get();
  std::uint32_t found = system.idle_cpus.next(from, end, allowed);
  if (found == end) {
    found = system.idle_cpus.next(begin, from, allowed);
    if (found == from) return nullptr;
  }
  return system.cpus[found].get();
}

Cpu& choose_cpu(System& system, const Thread& thread) {
  Cpu& last = *thread.cpu;
  if (thread.pinned) return last;
  const bool allowed = thread.may_run_on(last.index());
  if (last.idle() && allowed) return last;
  const auto sockets = static_cast<std::uint32_t>(system.scheduler.sockets);
  for (std::uint32_t i = 0; i < sockets; ++i) {
    const std::uint32_t socket = (last.socket() + i) % sockets;
    const std::uint32_t from = i == 0 ? last.index() : socket * system.cpus_per_socket;
    if (Cpu* const idle = idle_in_socket(system, thread, socket, from); idle != nullptr)
      return *idle;
  }
  return allowed ? last : first_allowed(system, thread);
}

}  // namespace

bool wake_up(System& system, Thread& thread, Cpu* waker) {
  if (thread.state != Thread::State::sleeping) {
    thread.woken = true;
    return false;
  }
  const Duration asleep = system.timeline.now() - thread.blocked_since;
  thread.blocked_total += asleep;
  if (thread.sleep_times != nullptr)
    thread.sleep_times->add(thread.waits_for != nullptr ? thread.waits_for : "", asleep);
  Cpu& target = choose_cpu(system, thread);
  system.probe.emit(events::SchedWaking{thread.id, target.index()},
                    waker != nullptr ? waker->index() : events::kNoCpu);
  return target.enqueue(thread, waker);
}

Spend wake_up(Atomic& ctx, Thread& thread) {
  const bool interrupts = wake_up(ctx.system(), thread, &ctx.cpu());
  return ctx.spend(ctx.costs().ipi_send, interrupts ? 1 : 0);
}

// --- affinity -----------------------------------------------------------------------------------

Cpu& first_allowed(System& system, const Thread& thread) {
  const auto count = static_cast<std::uint32_t>(system.cpus.size());
  if (thread.allowed == nullptr) return *thread.cpu;
  return *system.cpus[thread.allowed->next(0, count)];
}

Errno set_affinity(System& system, Thread& thread, const CpuMask& mask, Cpu* caller) {
  const auto count = static_cast<std::uint32_t>(system.cpus.size());
  if (thread.pinned || mask.next(0, count) == count) return Errno::einval;
  thread.allowed = std::make_unique<CpuMask>(mask);
  if (thread.cpu == nullptr || mask.test(thread.cpu->index())) return Errno::ok;
  if (thread.state == Thread::State::runnable || thread.state == Thread::State::running)
    thread.cpu->push_away(thread, caller);
  return Errno::ok;
}

}  // namespace iodrome::kernel
