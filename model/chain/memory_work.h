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
/// Those of a cipher are sectors of 4 KiB, each a message of its own whose initial vector is its
/// number in the step, in the first eight bytes, low ones first; key n is the bytes n, n + 1, …
/// n + 15. Their `done` is the caller's to set.
///
/// Errors: EFAULT; EINVAL, the destination overlaps a source, or a cipher's last block is no whole
/// one.
/// Source: sectors and vectors as of dm-crypt's sector_size 4096 and plain64; here they count from
/// the step's first byte, not the device's.
Result<std::vector<providers::Job>> jobs_of(const ChainRun& run, std::size_t step);
/// What the step returns once they have ended: bytes, or of crc32c the sum. Errors: the first's;
/// EBUSY, no provider had room.
Result<std::int64_t> result_of(std::span<const providers::Job> jobs);

/// Makes the jobs of a hash that was cut parts of one message, which outlives them: each is to
/// begin when the one before has ended. False: nothing of the kind, they may run at once.
bool join(std::span<providers::Job> jobs, Sha256& message);
/// The step's end, of jobs that have ended: a digest is copied to its place. Returns result_of().
Task<Result<std::int64_t>> finish(kernel::Atomic& ctx, const ChainRun& run, std::size_t step,
                                  std::span<const providers::Job> jobs);

/// One such step in the kernel.
class MemoryWork final : public Pooled {
 public:
  /// `jobs` are those of the run's step.
  MemoryWork(const ChainRun& run, std::size_t step, std::vector<providers::Job> jobs);
  MemoryWork(const MemoryWork&) = delete;
  MemoryWork& operator=(const MemoryWork&) = delete;

  /// Submits what has not been yet; legal up to softirqs, never sleeps. Errors: EAGAIN with `wait`
  /// armed, for providers at work or for room at one: call it again; otherwise result_of()'s, or
  /// what Registry::submit() refuses with.
  Task<Result<std::int64_t>> try_run(kernel::Atomic& ctx, providers::Registry& registry,
                                     kernel::IoWait& wait);

 private:
  static Task<void> done(kernel::Atomic& ctx, providers::Job& job);

  const ChainRun& run_;
  const std::size_t step_;
  std::vector<providers::Job> jobs_;
  Sha256 message_;
  const bool serial_;
  std::size_t submitted_ = 0;
  Errno refused_ = Errno::ok;
  kernel::IoWait* wait_ = nullptr;
};

}  // namespace iodrome::chain
