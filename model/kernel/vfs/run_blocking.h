// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "model/kernel/os.h"
#include "model/kernel/sync/io_wait.h"

namespace iodrome::kernel {

/// Calls an object's try_run() until it is done, sleeping where it would block. `operation` lives
/// in the caller's frame.
template <class Operation>
Task<Result<std::int64_t>> run_blocking(Sleepable& ctx, Os& os, Operation& operation,
                                        const char* waits_for) {
  for (;;) {
    BlockingWait wait(ctx);
    const Result<std::int64_t> done = co_await operation.try_run(ctx, os, wait);
    if (done || done.error() != Errno::eagain) co_return done;
    co_await wait.wait(waits_for);
  }
}

}  // namespace iodrome::kernel
