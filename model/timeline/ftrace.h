// SPDX-License-Identifier: Apache-2.0
// A recording as text in the form of Linux's /sys/kernel/tracing/trace.
#pragma once
#include <string>

#include "model/timeline/recording.h"

namespace iodrome::timeline {

/// Appends every event as `comm-pid [cpu] flags seconds: event: fields`. The fields of scheduler,
/// interrupt, workqueue and system-call events are Linux's; all others are `name=value`.
///
/// Units: seconds since the machine was switched on, with nine digits: picoseconds are cut off.
/// Differs from Linux: the flags are empty, priorities are 120, which is nice 0, for everybody.
/// What happened on no CPU, such as a wake-up by a timer, stands under CPU 0 and the idle thread.
void append_ftrace(const Recording& recording, const RunFacts& run, std::string& text);

}  // namespace iodrome::timeline
