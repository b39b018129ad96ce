// SPDX-License-Identifier: Apache-2.0
#include "hw/nvme/nvme.h"

#include <bit>

#include "hw/core/examined.h"
#include "hw/nvme/plain_read.h"
#include "model/engine/check.h"

namespace iodrome::hw {

Nvme::Nvme(const NvmeParams& params, Timeline& timeline, Port& memory, Port& interrupts,
           Medium& medium, DrawKey key)
    : params_(examined(params)),
      timeline_(timeline),
      memory_(memory),
      interrupts_(interrupts),
      medium_(medium),
      block_shift_(std::countr_zero(static_cast<std::uint64_t>(params.block_size))),
      blocks_(medium.size_bytes() >> block_shift_),
      flash_(params_, timeline, key, blocks_ << block_shift_),
      firmware_(params.firmware_interval, static_cast<std::size_t>(params.firmware_slots)),
      admin_(Duration{0}, 1),
      submission_(static_cast<std::size_t>(params.queue_pairs) + 1),
      completion_(submission_.size()),
      vectors_(submission_.size()),
      coalesce_count_(params.coalesce_count),
      coalesce_time_(params.coalesce_time) {
  for (std::uint32_t vector = 0; vector < vectors_.size(); ++vector) {
    vectors_[vector].address = 4ull * vector;
    vectors_[vector].data = vector;
  }
  flash_.share(memory.shared());
  timeline.watch(*this);
}

Nvme::~Nvme() = default;

void Nvme::describe_stall(std::vector<StallLine>& lines) const {
  if (in_flight_ != 0)
    lines.push_back({"nvme", std::to_string(in_flight_) + " commands in flight"});
  for (const auto& queue : completion_)
    if (queue != nullptr && !queue->backlog.empty())
      lines.push_back({"nvme completion queue " + std::to_string(queue->id),
                       "room for " + std::to_string(queue->backlog.size()) + " completions"});
}

}  // namespace iodrome::hw
