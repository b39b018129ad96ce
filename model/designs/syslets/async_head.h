// SPDX-License-Identifier: Apache-2.0
// The kernel side: chains of atoms carried out in the caller until one of them sleeps, then by the
// thread that sleeps; what has ended so is told in a ring.
//
// Source: the syslet patches of 2007-02-13 to 02-21 and <linux/syslet.h> as fio shipped it.
#pragma once
#include <memory>
#include <vector>

#include "model/designs/design.h"
#include "model/kernel/syscall.h"

namespace iodrome::designs::syslets {

struct SysletParams {
  std::int64_t ring_entries = 0;  // of a thread's completion ring
  std::int64_t threads = 0;       // cachemiss threads of one head, at most
};

struct SysletCosts {
  kernel::Cost atom_prepare;  // user: an atom filled in
  kernel::Cost exec;          // async_exec's own work, per call
  kernel::Cost atom;          // an atom and its arguments read, its result written, its flags seen
  kernel::Cost move_context;  // the user's registers and FPU state given to another thread
  kernel::Cost ring_put;      // a pointer written into the ring
  kernel::Cost wait;          // async_wait's own work, per call
  kernel::Cost ring_take;     // user: a pointer taken out of the ring
};

struct SysletCounts {
  std::uint64_t execs = 0;     // chains of atoms
  std::uint64_t atoms = 0;     // carried out
  std::uint64_t misses = 0;    // chains that slept, so that a cachemiss thread had them
  std::uint64_t no_spare = 0;  // chains whose caller slept itself, for want of a spare thread
  std::uint64_t threads = 0;   // cachemiss threads made
};

/// What a ring's pointer tells: which chain, and how many of its atoms were carried out.
struct Ended {
  ChainRun* run = nullptr;
  std::uint32_t atoms = 0;
};

/// An async_head: the asynchronous side of one user thread.
class AsyncHead {
 public:
  AsyncHead(kernel::Os& os, Process& process, const SysletParams& params, SysletCosts& costs,
            SysletCounts& counts, kernel::WaitQueue& sleepers);
  ~AsyncHead();
  AsyncHead(const AsyncHead&) = delete;
  AsyncHead& operator=(const AsyncHead&) = delete;

  /// async_exec(2): atoms for the run's steps from its current one on, each with
  /// SYSLET_STOP_ON_NEGATIVE, their values in the results. How many were carried out, if none
  /// slept; 0: a cachemiss thread goes on with them and tells the ring.
  Task<Result<std::int64_t>> exec(kernel::Sleepable& user, ChainRun& run, std::uint32_t atoms);
  /// async_wait(2), for one event: sleeps until the ring has one or `woken` holds.
  Task<Result<std::int64_t>> wait(kernel::Sleepable& user, const WakeCondition& woken);

  /// The ring, in user memory. Its user never has more under way than it has slots.
  bool empty() const { return ring_[taken_ % ring_.size()].run == nullptr; }
  Ended take();

 private:
  struct Cachemiss;

  Task<Result<std::int64_t>> exec_body(kernel::Sleepable& user, ChainRun& run, std::uint32_t atoms);
  Task<std::uint32_t> carry_out(kernel::Sleepable& thread, ChainRun& run, std::uint32_t atoms);
  Task<Result<std::int64_t>> call(kernel::Sleepable& thread, const ChainRun& run);
  Task<void> complete(kernel::Sleepable& thread, Ended ended);
  Task<void> refill(kernel::Sleepable& user);

  kernel::Os& os_;
  Process& process_;
  const SysletParams& params_;
  SysletCosts& costs_;
  SysletCounts& counts_;
  kernel::WaitQueue& sleepers_;
  kernel::WaitQueue starting_{"cachemiss thread"};
  std::vector<Ended> ring_;
  std::uint64_t put_ = 0;
  std::uint64_t taken_ = 0;
  std::vector<Cachemiss*> spare_;  // the one that rests longest first
  std::vector<std::unique_ptr<Cachemiss>> threads_;
};

}  // namespace iodrome::designs::syslets
