// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "model/engine/result.h"
#include "model/kernel/cpu/cpu.h"

namespace iodrome::kernel {

/// sched_setaffinity(2): from now on `thread` runs on CPUs of `mask` only. One that waits elsewhere
/// goes to the lowest of them at once; one that runs elsewhere goes where it next gives way, which
/// is soon, since it is told to. `caller` is the CPU that asks, or nullptr.
///
/// Errors: EINVAL, and nothing changes, if the machine has none of these CPUs or the thread is
/// bound to its own.
///
/// Differs from Linux: no stopper thread carries a running thread away; the call returns before
/// that, and the interrupt that tells another CPU is free.
Errno set_affinity(System& system, Thread& thread, const CpuMask& mask, Cpu* caller);

/// The lowest CPU that the thread may run on.
Cpu& first_allowed(System& system, const Thread& thread);

}  // namespace iodrome::kernel
