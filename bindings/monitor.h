// SPDX-License-Identifier: Apache-2.0
// A run as the rest of the process sees it: the interpreter goes on meanwhile, one run at a time,
// and it can be stopped.
#pragma once
#include <pybind11/pybind11.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <stdexcept>

#include "model/engine/timeline.h"

namespace iodrome::bindings {

/// Ends a run from another thread.
struct StopToken {
  std::atomic<bool> stopped{false};
};

/// A run was stopped by its token.
struct Stopped : std::runtime_error {
  Stopped() : std::runtime_error("the run was stopped") {}
};

/// Looks for a stop request and for signals. The interpreter's lock is free while designs run,
/// and for a moment at every poll where the workload is Python's own and needs it.
class Monitor final : public RunMonitor {
 public:
  Monitor(std::shared_ptr<StopToken> token, bool keeps_lock)
      : token_(std::move(token)), keeps_lock_(keeps_lock) {}

  /// Errors: Stopped; the exception that a signal handler raised (KeyboardInterrupt).
  void poll() override;

 private:
  std::shared_ptr<StopToken> token_;
  bool keeps_lock_;
};

/// The process's one run: SystemC has one simulation at a time, and a second run waits for it.
class RunLock {
 public:
  /// Called with the interpreter's lock, which is free while it waits.
  /// Errors: std::runtime_error where this thread runs already: it would wait for itself.
  explicit RunLock(Monitor& monitor);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  std::unique_lock<std::timed_mutex> lock_;
};

void add_monitor(pybind11::module_& module);

}  // namespace iodrome::bindings
