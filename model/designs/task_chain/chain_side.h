// SPDX-License-Identifier: Apache-2.0
// The task-chain design, the application side: every request is one chain; the application learns
// of its end and nothing between.
#pragma once
#include "model/designs/task_chain/chain_queue.h"

namespace iodrome::designs::task_chain {

std::unique_ptr<AppSide> make_chain_side(ChainEngine& engine, kernel::WaitQueue& sleepers);

}  // namespace iodrome::designs::task_chain
