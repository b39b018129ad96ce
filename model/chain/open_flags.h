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

/// Whether nobody will write to what a step opens, so that its close tells watchers of no change.
inline bool reads_only(const Chain& chain, std::size_t open) {
  const Step& step = chain.steps[open];
  if (step.keep || step.create || step.truncate) return false;
  for (const Step& other : chain.steps)
    if (other.op == Op::write && other.fd_from == static_cast<std::int16_t>(open)) return false;
  return true;
}

}  // namespace iodrome::chain
