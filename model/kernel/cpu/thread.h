// SPDX-License-Identifier: Apache-2.0
// Threads of the modelled machine, user and kernel.
#pragma once
#include <boost/intrusive/list.hpp>
#include <coroutine>
#include <memory>
#include <string>

#include "model/engine/time.h"
#include "model/events/cpu_time.h"
#include "model/kernel/cpu/cpu_mask.h"
#include "model/kernel/cpu/sched_entity.h"
#include "model/kernel/cpu/sleep_times.h"

namespace iodrome::kernel {

class Cpu;
class Sleepable;
class Spend;
class TaskWorks;
class ThreadSignals;
struct Thread;

/// Hears when a thread gives up its CPU, when it has one again and when another should have its
/// CPU, from inside the scheduler: it may make others runnable, but neither spend nor suspend.
struct SchedWatcher
    : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
  virtual void off_cpu(Thread& thread) = 0;
  virtual void on_cpu(Thread& thread) = 0;
  virtual void need_resched(Thread&) {}

 protected:
  ~SchedWatcher() = default;
};
using SchedWatchers =
    boost::intrusive::list<SchedWatcher, boost::intrusive::constant_time_size<false>>;

/// The first process's address space: that of every user thread which was given no other.
inline constexpr std::uint32_t kFirstMm = 1;

/// What the scheduler keeps about a thread. The code it runs is a coroutine over its Sleepable
/// context.
struct Thread : SchedEntity {
  enum class State : std::uint8_t { running, runnable, sleeping, dead };

  Thread() = default;
  ~Thread();  // takes its signals and its task work along
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

  std::uint64_t id = 0;
  State state = State::sleeping;
  events::CpuClass cpu_class = events::CpuClass::user;
  Cpu* cpu = nullptr;     // where it runs or waits, or last ran
  Cpu* ran_on = nullptr;  // whose caches hold what it works on
  std::uint32_t mm = 0;   // its address space; 0: a kernel thread, which borrows whichever is there
  Sleepable* context = nullptr;
  std::coroutine_handle<> continuation;  // resumed when it next runs
  Spend* preempted = nullptr;            // or this burst is continued
  const char* waits_for = nullptr;       // like the kernel's wchan
  bool pinned = false;                   // stays on its CPU
  std::unique_ptr<CpuMask> allowed;      // the CPUs it may run on; all, if there is none
  bool woken = false;                    // a wake-up came between queueing and blocking
  bool signal_pending = false;           // see signal_wake_up()
  ThreadSignals* signals = nullptr;      // none: nobody sends it any
  bool notify_signal = false;            // TIF_NOTIFY_SIGNAL: there is task work
  TaskWorks* task_works = nullptr;       // none: nobody gives it any
  bool interruptible = false;            // a signal or task work ends its sleep
  bool killable = false;                 // only the end of its process does
  bool fatal_pending = false;            // its process ends: fatal_signal_pending()
  bool in_kernel = false;                // its calls are made there: without a crossing
  SchedWatchers watchers;
  std::uint32_t preempt_count = 0;  // spinlocks held
  SimTime blocked_since{};
  Duration blocked_total{};           // time asleep since it was made
  SleepTimes* sleep_times = nullptr;  // where it is also counted, while somebody wants to know
  std::string name;

  /// signal_pending(): what ends an interruptible sleep, or keeps it from one.
  bool interrupted() const { return signal_pending || notify_signal; }
  bool may_run_on(std::uint32_t number) const {
    return allowed == nullptr || allowed->test(number);
  }
};

}  // namespace iodrome::kernel
