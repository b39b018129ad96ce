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

const char* name_of(CpuClass cpu_class) {
  static constexpr const char* kNames[kCpuClasses] = {"user",    "syscall", "kthread", "softirq",
                                                      "hardirq", "switch",  "spin",    "idle"};
  return kNames[static_cast<std::size_t>(cpu_class)];
}

}  // namespace iodrome::events
