// SPDX-License-Identifier: Apache-2.0
// A thread's way back to user mode with signals pending.
#pragma once
#include "model/kernel/cpu/context.h"

namespace iodrome::kernel {

/// Thrown where a thread whose process ends would go back to user mode: nothing of its code runs
/// any more. Whoever has made the thread catches it.
struct ThreadEnds {};

/// exit_to_user_mode_loop() of a thread that can be sent signals and is in user mode: runs the
/// handlers of what is pending and not blocked; each costs signal_deliver. Later ones lie on top,
/// so they run first. A mask that a call had changed for itself comes back.
///
/// Where the process ends it throws ThreadEnds, and where it stops, the thread stays here until it
/// goes on.
///
/// Errors: a default action that would end or stop a process that nobody owns is a bug.
Task<void> deliver_signals(Sleepable& user);

}  // namespace iodrome::kernel
