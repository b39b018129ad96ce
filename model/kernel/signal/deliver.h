// SPDX-License-Identifier: Apache-2.0
// A thread's way back to user mode with signals pending.
#pragma once
#include "model/kernel/cpu/context.h"

namespace iodrome::kernel {

/// exit_to_user_mode_loop(): runs the handlers of what is pending and not blocked. The thread is in
/// user mode; each costs signal_deliver. Later ones lie on top, so they run first.
///
/// Errors: a default action that would end or stop the process is a bug.
Task<void> deliver_signals(Sleepable& user);

/// Whether there is anything to do for it.
inline bool signals_to_deliver(const Thread& thread) {
  return thread.signal_pending && thread.signals != nullptr;
}

}  // namespace iodrome::kernel
