// SPDX-License-Identifier: Apache-2.0
// A recording as a Perfetto trace (.pftrace).
#pragma once
#include <string>

#include "model/timeline/recording.h"

namespace iodrome::timeline {

/// Appends one run to a trace, as one process named after the design. Several runs of a race may
/// stand in one trace: `place` is 0 for the first, 1 for the next; CPU numbers go on from one to
/// the next, `run.cpus` each, so all must have equally many.
///
/// Units: nanoseconds since the machine was switched on; what is below is cut off, so order and
/// nesting stay.
/// Differs from Linux: a thread is `stopped` where nothing was recorded.
void append_perfetto(const Recording& recording, const RunFacts& run, std::uint32_t place,
                     std::string& trace);

}  // namespace iodrome::timeline
