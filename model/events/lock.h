// SPDX-License-Identifier: Apache-2.0
// Lock events; names after Linux's tracepoints. All are shown only: nothing is counted, and without
// an observer nothing is done.
#pragma once
#include "model/events/probe.h"

namespace iodrome::events {

/// How a lock is taken.
enum class LockMode : std::uint8_t {
  exclusive,
  shared,         // a reader
  exclusive_try,  // by a try that has succeeded: it cannot wait, so it orders nothing before it
  shared_try,
};

/// Of what context a lock is taken in: bits of LockAcquire::state.
enum LockState : std::uint64_t {
  kLockIrqsOn = 1,      // a hardirq can strike while it is held
  kLockSoftirqsOn = 2,  // so can a softirq
  kLockInHardirq = 4,
  kLockInSoftirq = 8,
};

/// A context is about to take a lock of that class, or has just taken it by a try. Contexts are
/// threads by their number, and interrupt levels of CPUs above all those numbers.
struct LockAcquire {
  static constexpr EventInfo info{"lock_acquire", Subsystem::lock,
                                  "context lock_class place mode state"};
  std::uint64_t context;
  std::uint64_t lock_class;  // Named::lock_class
  std::uint64_t place;       // Named::place
  std::uint64_t mode;        // LockMode
  std::uint64_t state;       // LockState
  Words5 words() const { return {context, lock_class, place, mode, state}; }
};

/// It finds the lock taken and has to wait.
struct LockContended {
  static constexpr EventInfo info{"lock_contended", Subsystem::lock, "context lock_class place"};
  std::uint64_t context;
  std::uint64_t lock_class;
  std::uint64_t place;
  Words3 words() const { return {context, lock_class, place}; }
};

/// It lets go.
struct LockRelease {
  static constexpr EventInfo info{"lock_release", Subsystem::lock, "context lock_class"};
  std::uint64_t context;
  std::uint64_t lock_class;
  Words2 words() const { return {context, lock_class}; }
};

}  // namespace iodrome::events
