// SPDX-License-Identifier: Apache-2.0
// A thread's way back to user mode with signals pending.
#pragma once
#include "model/kernel/cpu/context.h"

namespace iodrome::kernel {

/// exit_to_user_mode_loop() of a thread that can be sent signals and is in user mode: runs the
/// handlers of what is pending and not blocked; each costs signal_deliver. Later ones lie on top,
/// so they run first. A mask that a call had changed for itself comes back.
///
/// Errors: a default action that would end or stop the process is a bug.
Task<void> deliver_signals(Sleepable& user);

}  // namespace iodrome::kernel
