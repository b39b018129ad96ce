// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include "model/chain/chain_run.h"
#include "model/kernel/system.h"

namespace iodrome::chain {

/// Of an open or unlink whose file an event names: its path, as the event lies in the chain's
/// memory now.
///
/// Errors: EFAULT; ENOENT, the event names nothing; ENAMETOOLONG; EINVAL, the name has a slash.
Result<std::string> path_by_event(kernel::System& system, const ChainRun& run, const Step& step);

}  // namespace iodrome::chain
