// SPDX-License-Identifier: Apache-2.0
#include "model/chain/provided_read.h"

#include <algorithm>

namespace iodrome::chain {

using providers::Job;
using Value = Result<std::int64_t>;

namespace {

bool goes_on(const Job& job, hw::PhysAddr to, hw::PhysAddr from) {
  return job.destination + job.bytes == to && job.sources[0] + job.bytes == from &&
         to % hw::Memory::kBoundary != 0 && from % hw::Memory::kBoundary != 0;
}

}  // namespace

// One for each piece that lies together on both sides.
std::vector<Job> ProvidedRead::jobs() const {
  std::vector<Job> jobs;
  std::uint64_t done = read_.done();
  for (const kernel::PagePart& part : parts_) {
    for (std::uint32_t moved = 0; moved < part.bytes;) {
      const std::uint64_t at = done % hw::kPageBytes;
      const auto piece = static_cast<std::uint32_t>(
          std::min<std::uint64_t>(part.bytes - moved, hw::kPageBytes - at));
      const hw::PhysAddr to = read_.pages()[done / hw::kPageBytes] + at;
      const hw::PhysAddr from = part.page->address + part.offset + moved;
      if (!jobs.empty() && goes_on(jobs.back(), to, from)) {
        jobs.back().bytes += piece;
      } else {
        Job& job = jobs.emplace_back();
        job.destination = to;
        job.sources[0] = from;
        job.bytes = piece;
      }
      moved += piece;
      done += piece;
    }
  }
  return jobs;
}

Task<Value> ProvidedRead::try_run(kernel::Atomic& ctx, kernel::Os& os,
                                  providers::Registry& registry, kernel::IoWait& wait) {
  for (;;) {
    if (work_ != nullptr) {
      const Value brought = co_await work_->try_run(ctx, registry, wait);
      if (!brought && brought.error() == Errno::eagain) co_return brought;
      work_ = nullptr;
      if (!brought) co_return brought;
      read_.copied(static_cast<std::uint64_t>(*brought));
    }
    Result<kernel::PageParts> parts = co_await read_.next_parts(ctx, os, wait);
    if (!parts) co_return fail(parts.error());
    if (parts->empty()) co_return static_cast<std::int64_t>(read_.done());
    parts_ = std::move(*parts);
    work_ = std::make_unique<MemoryWork>(run_, step_, jobs());
  }
}

}  // namespace iodrome::chain
