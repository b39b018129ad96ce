// SPDX-License-Identifier: Apache-2.0
// Steps on a chain's memory: cut where its pages do not lie behind each other, and handed to
// whoever offers such work.
#pragma once
#include <vector>

#include "model/chain/chain_run.h"
#include "model/kernel/sync/io_wait.h"
#include "model/providers/registry.h"

namespace iodrome::chain {

/// The jobs of a memory step, in order, each on physically contiguous memory of at most 1 MiB.
/// Their `done` is the caller's to set. Errors: EFAULT; EINVAL, the destination overlaps a source.
Result<std::vector<providers::Job>> jobs_of(const ChainRun& run, std::size_t step);
/// What the step returns once they have ended: bytes, or of crc32c the sum. Errors: the first's;
/// EBUSY, no provider had room.
Result<std::int64_t> result_of(std::span<const providers::Job> jobs);

/// One such step in the kernel.
class MemoryWork final : public Pooled {
 public:
  explicit MemoryWork(std::vector<providers::Job> jobs);
  MemoryWork(const MemoryWork&) = delete;
  MemoryWork& operator=(const MemoryWork&) = delete;

  /// Submits what has not been yet; legal up to softirqs, never sleeps. Errors: EAGAIN with `wait`
  /// armed, for providers at work or for room at one: call it again; otherwise result_of()'s, or
  /// what Registry::submit() refuses with.
  Task<Result<std::int64_t>> try_run(kernel::Atomic& ctx, providers::Registry& registry,
                                     kernel::IoWait& wait);

 private:
  static Task<void> done(kernel::Atomic& ctx, providers::Job& job);

  std::vector<providers::Job> jobs_;
  std::size_t submitted_ = 0;
  Errno refused_ = Errno::ok;
  kernel::IoWait* wait_ = nullptr;
};

}  // namespace iodrome::chain
