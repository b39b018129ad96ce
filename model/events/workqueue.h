// SPDX-License-Identifier: Apache-2.0
// Workqueue events; names after Linux's tracepoints.
#pragma once
#include "model/events/probe.h"

namespace iodrome::events {

/// Work is put on a queue.
struct WorkqueueQueueWork {
  static constexpr EventInfo info{"workqueue_queue_work", Subsystem::workqueue, "cpu work"};
  std::uint64_t cpu;
  std::uint64_t work;
  Words2 words() const { return {cpu, work}; }
};

/// Work may be taken by a worker: when it is queued, or later where max_active held it back.
struct WorkqueueActivateWork {
  static constexpr EventInfo info{"workqueue_activate_work", Subsystem::workqueue, "cpu work"};
  std::uint64_t cpu;
  std::uint64_t work;
  Words2 words() const { return {cpu, work}; }
};

/// A worker starts an item.
struct WorkqueueExecuteStart {
  static constexpr EventInfo info{"workqueue_execute_start", Subsystem::workqueue, "worker work"};
  std::uint64_t worker;
  std::uint64_t work;
  Words2 words() const { return {worker, work}; }
};

/// A worker has ended an item.
struct WorkqueueExecuteEnd {
  static constexpr EventInfo info{"workqueue_execute_end", Subsystem::workqueue, "worker work"};
  std::uint64_t worker;
  std::uint64_t work;
  Words2 words() const { return {worker, work}; }
};

}  // namespace iodrome::events
