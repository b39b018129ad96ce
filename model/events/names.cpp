// SPDX-License-Identifier: Apache-2.0
#include "model/events/cpu_time.h"
#include "model/events/stage.h"

namespace iodrome::events {

const char* name_of(Stage stage) {
  static constexpr const char* kNames[kStages] = {
      "arrival", "submit",  "kernel",  "run_queue", "lock", "queue",  "device",
      "network", "hardirq", "softirq", "wakeup",    "copy", "stolen", "reap"};
  return kNames[static_cast<std::size_t>(stage)];
}

const char* meaning_of(Stage stage) {
  static constexpr const char* kMeanings[kStages] = {
      "arrived, and the application has not turned to it",
      "user code and queueing, until the design has accepted it",
      "kernel code works on it",
      "its thread is runnable and another one runs",
      "a context spins for a lock on its behalf",
      "in a software queue: for a tag, a worker, a page somebody else reads",
      "from the doorbell until the block layer hears of the end; while providers "
      "work on a chain's memory",
      "for the peer to make room in the send buffer",
      "an interrupt handler works on it",
      "a softirq works on it",
      "from the wake-up until its thread runs; switch included",
      "a CPU moves its bytes",
      "an interrupt took the CPU from code that works on it",
      "completed, and the application has not finished with it"};
  return kMeanings[static_cast<std::size_t>(stage)];
}

const char* name_of(CpuClass cpu_class) {
  static constexpr const char* kNames[kCpuClasses] = {"user",    "syscall", "kthread", "softirq",
                                                      "hardirq", "switch",  "spin",    "idle"};
  return kNames[static_cast<std::size_t>(cpu_class)];
}

const char* meaning_of(CpuClass cpu_class) {
  static constexpr const char* kMeanings[kCpuClasses] = {
      "user code",
      "a user thread in the kernel",
      "kernel threads: workers, workqueues",
      "softirqs, tasklets included",
      "interrupt handlers",
      "from one thread, or idle, to another; the way out of the idle loop included",
      "spinning for a lock",
      "nothing to run"};
  return kMeanings[static_cast<std::size_t>(cpu_class)];
}

}  // namespace iodrome::events
