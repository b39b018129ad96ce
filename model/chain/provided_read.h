// SPDX-License-Identifier: Apache-2.0
// A buffered read whose bytes a provider brings to user memory: an engine, or a CPU in its stead.
#pragma once
#include "model/chain/memory_work.h"
#include "model/kernel/vfs/file_ops.h"

namespace iodrome::chain {

class ProvidedRead final : public Pooled {
 public:
  /// Of a step of the run: so many bytes from `offset` on into `pages`.
  ProvidedRead(const ChainRun& run, std::size_t step, kernel::FilePtr file,
               const Course::Numbers& asked, std::span<const hw::PhysAddr> pages)
      : run_(run), step_(step), read_(std::move(file), asked.offset, asked.bytes, pages) {}

  /// Legal up to softirqs, never sleeps. Returns the bytes read in all; short at the end of the
  /// file. Errors: EAGAIN with `wait` armed; those of BufferedRead and of MemoryWork.
  Task<Result<std::int64_t>> try_run(kernel::Atomic& ctx, kernel::Os& os,
                                     providers::Registry& registry, kernel::IoWait& wait);
  /// A provider copies, or room at one is waited for; else it waits for a page.
  bool at_provider() const { return work_ != nullptr; }

 private:
  std::vector<providers::Job> jobs() const;

  const ChainRun& run_;
  const std::size_t step_;
  kernel::BufferedRead read_;
  kernel::PageParts parts_;  // held while a provider reads them
  std::unique_ptr<MemoryWork> work_;
};

}  // namespace iodrome::chain
