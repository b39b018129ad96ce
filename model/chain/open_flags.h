// SPDX-License-Identifier: Apache-2.0
// What an open step asks of open(2).
#pragma once
#include "model/chain/chain.h"
#include "model/kernel/vfs/name_ops.h"

namespace iodrome::chain {

/// 0 for a file that is there and stays as it is: then it is opened for reading and writing alike.
inline std::int32_t open_flags(const Step& step) {
  if (!step.create && !step.truncate) return 0;
  return kernel::kOpenReadWrite | (step.create ? kernel::kOpenCreate : 0) |
         (step.truncate ? kernel::kOpenTruncate : 0);
}

}  // namespace iodrome::chain
