// SPDX-License-Identifier: Apache-2.0
#include "model/providers/provider.h"

#include <algorithm>

namespace iodrome::providers {

bool Capability::fits(const Job& job) const {
  if (job.operation != operation || job.bytes < min_bytes || job.bytes > max_bytes) return false;
  if (job.source_count > max_sources || job.bytes % granule != 0) return false;
  if (job.message != nullptr && !parts) return false;
  const auto aligned = [this](hw::PhysAddr address) { return address % alignment == 0; };
  return aligned(job.destination) &&
         std::all_of(job.sources.begin(), job.sources.begin() + job.source_count, aligned);
}

Duration Capability::cost(const Job& job) const {
  const std::uint32_t passes = std::max(job.source_count, 1u);
  return fixed + rate.time_for(std::int64_t{job.bytes} * passes);
}

Provider::Provider(std::string name, std::vector<Capability> capabilities,
                   std::uint32_t queue_limit)
    : name_(std::move(name)), capabilities_(std::move(capabilities)), queue_limit_(queue_limit) {}

void Provider::withhold(Operation operation) {
  std::erase_if(capabilities_,
                [operation](const Capability& each) { return each.operation == operation; });
}

const Capability* Provider::capability_for(const Job& job) const {
  const auto found = std::find_if(capabilities_.begin(), capabilities_.end(),
                                  [&job](const Capability& each) { return each.fits(job); });
  return found == capabilities_.end() ? nullptr : &*found;
}

void Provider::hold(SimTime now) {
  if (held_++ == 0) busy_since_ = now;
}

void Provider::let_go(SimTime now) {
  if (--held_ == 0) busy_ += now - busy_since_;
}

}  // namespace iodrome::providers
