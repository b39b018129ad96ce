// SPDX-License-Identifier: Apache-2.0
// A thread's way back to user mode with task work to do.
#pragma once
#include "model/kernel/cpu/context.h"

namespace iodrome::kernel {

/// task_work_run(): what has been given to the thread, and what comes meanwhile, in its order. The
/// thread is in the kernel.
Task<void> task_work_run(Sleepable& ctx);

}  // namespace iodrome::kernel
