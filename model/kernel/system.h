// SPDX-License-Identifier: Apache-2.0
// One modelled machine's kernel: what every mechanism can reach. Passed down; there are no statics.
#pragma once
#include <memory>
#include <vector>

#include "hw/memory/memory.h"
#include "hw/memory/memory_bus.h"
#include "model/engine/timeline.h"
#include "model/events/probe.h"
#include "model/kernel/costs.h"
#include "model/kernel/cpu/cpu_mask.h"
#include "model/kernel/cpu/scheduler_params.h"
#include "model/kernel/inotify/limits.h"
#include "model/kernel/mm/first_touch.h"
#include "model/kernel/mm/memory_limits.h"
#include "model/kernel/sync/lock_names.h"
#include "model/kernel/time/timer_params.h"

namespace iodrome::kernel {

class Cpu;
class CpuTimers;
struct Thread;

/// Rates at which a CPU moves payload bytes, by cache state.
struct CopyRates {
  std::int64_t hot_bytes_per_s = 0;
  std::int64_t cold_bytes_per_s = 0;
};

struct System {
  System(Timeline& on, events::Probe& to, hw::Memory& memory);
  ~System();
  System(const System&) = delete;
  System& operator=(const System&) = delete;

  Timeline& timeline;
  events::Probe& probe;
  hw::Memory& memory;
  hw::MemoryBus* memory_bus = nullptr;  // what CPUs and devices share; nullptr: nothing is scarce
  KernelCosts costs;
  SchedulerParams scheduler;
  TimerParams timer_params;
  CopyRates copy_rates;
  FirstTouch first_touch;
  MemoryLimits memory_limits;
  std::vector<Shrinker*> shrinkers;  // asked in their order
  bool payload_checked = true;       // somebody looks at payload bytes, so they are really moved
  std::vector<std::unique_ptr<Cpu>> cpus;
  std::uint32_t cpus_per_socket = kMaxCpus;
  CpuMask idle_cpus;                               // on which no thread runs or waits
  CpuMask overloaded_cpus;                         // on which some may wait besides one
  std::vector<std::unique_ptr<CpuTimers>> timers;  // of each CPU
  std::uint64_t last_thread_id = 0;
  std::uint32_t last_mm_id = 0;
  LockNames lock_names;
  InotifyLimits inotify;

  void add_cpus(std::uint32_t count);
};

}  // namespace iodrome::kernel
