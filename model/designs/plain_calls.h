// SPDX-License-Identifier: Apache-2.0
// Steps that an application carries out with one blocking call, where its design has nothing else.
#pragma once
#include "model/designs/design.h"

namespace iodrome::designs {

/// The run's current step: open, stat, read, write, close, fsync, unlink, nop, timeout; of a thread
/// that may wait, also accept, connect, receive, poll, inotify and sends of memory. May sleep, in
/// user mode. Errors: those of the call; ENOSYS, any other step.
Task<Result<std::int64_t>> plain_call(Sleepable& user, kernel::Os& os, kernel::FileTable& files,
                                      const ChainRun& run);
/// Whether the step waits for a peer or an event: one thread for many requests cannot make a call
/// for it that blocks.
bool waits_for_peer(const Step& step);

}  // namespace iodrome::designs
