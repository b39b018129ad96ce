// SPDX-License-Identifier: Apache-2.0
// Admin commands: queues, identify, features.
#include <algorithm>
#include <bit>
#include <cstring>

#include "hw/nvme/nvme.h"

namespace iodrome::hw {

using nvme::AdminOpcode;
using nvme::Status;

Activity Nvme::execute_admin(SubmissionQueue& queue, nvme::SubmissionEntry entry) {
  const bool aborts = static_cast<AdminOpcode>(entry.opcode) == AdminOpcode::abort;
  const bool too_many = aborts && ++aborts_under_way_ > params_.abort_limit;
  co_await pause_until(
      timeline_, admin_.serve(timeline_.now(), params_.admin_latency) + params_.completion_write);
  if (aborts) --aborts_under_way_;
  if (queue.deleted) co_return;
  ++counters_.admin_commands;
  Status status = Status::invalid_opcode;
  std::uint32_t result = 0;
  const auto id = static_cast<std::uint16_t>(entry.cdw10);
  switch (static_cast<AdminOpcode>(entry.opcode)) {
    case AdminOpcode::create_io_cq:
      status = create_completion_queue(entry);
      break;
    case AdminOpcode::create_io_sq:
      status = create_submission_queue(entry);
      break;
    case AdminOpcode::delete_io_cq:
      status = delete_completion_queue(id);
      break;
    case AdminOpcode::delete_io_sq:
      status = delete_submission_queue(id);
      break;
    case AdminOpcode::identify:
      status = co_await identify(entry);
      break;
    case AdminOpcode::set_features:
      status = set_features(entry, result);
      break;
    case AdminOpcode::abort:
      status = too_many ? Status::abort_limit_exceeded : Status::success;
      if (!too_many) result = abort(entry) ? 0 : nvme::kNotAborted;
      break;
  }
  report(queue, entry.command_id, status, status == Status::success ? result : 0);
}

Status Nvme::set_features(const nvme::SubmissionEntry& entry, std::uint32_t& result) {
  switch (entry.cdw10 & 0xff) {
    case nvme::kFeatureNumberOfQueues:
      result = static_cast<std::uint32_t>(params_.queue_pairs - 1) * 0x0001'0001u;
      return Status::success;
    case nvme::kFeatureInterruptCoalescing:
      coalesce_time_ = static_cast<std::int64_t>(entry.cdw11 >> 8 & 0xff) * 100us;
      coalesce_count_ = coalesce_time_ == ps(0) ? 0 : (entry.cdw11 & 0xff) + 1;
      return Status::success;
    default:
      return Status::invalid_field;
  }
}

// Takes back what the controller has lost; a command that is being served goes on.
bool Nvme::abort(const nvme::SubmissionEntry& entry) {
  const auto queue = static_cast<std::uint16_t>(entry.cdw10);
  const auto command = static_cast<std::uint16_t>(entry.cdw10 >> 16);
  const auto found = std::find_if(lost_.begin(), lost_.end(), [&](const Lost& lost) {
    return lost.queue->id == queue && !lost.queue->deleted && lost.entry.command_id == command;
  });
  if (found == lost_.end()) return false;
  const Lost lost = *found;
  lost_.erase(found);
  --in_flight_;
  ++counters_.aborts;
  report(*lost.queue, lost.entry.command_id, Status::abort_requested);
  if (!held_back_.empty()) release_held_back();
  return true;
}

Status Nvme::create_completion_queue(const nvme::SubmissionEntry& entry) {
  const std::uint32_t id = entry.cdw10 & 0xffff;
  const std::uint32_t entries = (entry.cdw10 >> 16) + 1;
  const std::uint32_t vector = entry.cdw11 >> 16;
  if (id == 0 || id >= completion_.size() || completion_[id] != nullptr)
    return Status::invalid_queue_id;
  if (entries < 2 || entries > params_.queue_entries) return Status::invalid_queue_size;
  if (vector >= vectors_.size()) return Status::invalid_vector;
  if ((entry.cdw11 & 1) == 0) return Status::invalid_field;
  if (entry.prp1 % nvme::kPageBytes != 0) return Status::invalid_prp_offset;
  auto queue = std::make_unique<CompletionQueue>();
  queue->id = static_cast<std::uint16_t>(id);
  queue->vector = static_cast<std::uint16_t>(vector);
  queue->interrupts = (entry.cdw11 & 2) != 0;
  queue->entries = entries;
  queue->base = entry.prp1;
  completion_[id] = std::move(queue);
  return Status::success;
}

Status Nvme::create_submission_queue(const nvme::SubmissionEntry& entry) {
  const std::uint32_t id = entry.cdw10 & 0xffff;
  const std::uint32_t entries = (entry.cdw10 >> 16) + 1;
  const std::uint32_t completion = entry.cdw11 >> 16;
  if (id == 0 || id >= submission_.size() || submission_[id] != nullptr)
    return Status::invalid_queue_id;
  if (entries < 2 || entries > params_.queue_entries) return Status::invalid_queue_size;
  if (completion == 0 || completion >= completion_.size() || completion_[completion] == nullptr)
    return Status::invalid_completion_queue;
  if ((entry.cdw11 & 1) == 0) return Status::invalid_field;
  if (entry.prp1 % nvme::kPageBytes != 0) return Status::invalid_prp_offset;
  auto queue = std::make_unique<SubmissionQueue>();
  queue->id = static_cast<std::uint16_t>(id);
  queue->completion_queue = static_cast<std::uint16_t>(completion);
  queue->entries = entries;
  queue->base = entry.prp1;
  ++completion_[completion]->users;
  submission_[id] = std::move(queue);
  return Status::success;
}

Status Nvme::delete_completion_queue(std::uint16_t id) {
  if (id == 0 || id >= completion_.size() || completion_[id] == nullptr)
    return Status::invalid_queue_id;
  if (completion_[id]->users != 0) return Status::invalid_queue_deletion;
  completion_[id]->deleted = true;
  old_completion_.push_back(std::move(completion_[id]));
  return Status::success;
}

Status Nvme::delete_submission_queue(std::uint16_t id) {
  if (id == 0 || id >= submission_.size() || submission_[id] == nullptr)
    return Status::invalid_queue_id;
  in_flight_ -=
      std::erase_if(lost_, [&](const Lost& lost) { return lost.queue == submission_[id].get(); });
  submission_[id]->deleted = true;
  --completion_[submission_[id]->completion_queue]->users;
  old_submission_.push_back(std::move(submission_[id]));
  return Status::success;
}

Task<Status> Nvme::identify(const nvme::SubmissionEntry& entry) {
  std::vector<std::byte> page(nvme::kPageBytes);
  const std::uint32_t what = entry.cdw10 & 0xff;
  if (what == nvme::kIdentifyNamespace) {
    if (entry.namespace_id != 1) co_return Status::invalid_namespace;
    const auto block_log2 = static_cast<std::uint32_t>(block_shift_) << 16;
    for (const std::size_t at : {0u, 8u, 16u})  // size, capacity, utilisation
      std::memcpy(page.data() + nvme::kNamespaceSizeAt + at, &blocks_, sizeof blocks_);
    std::memcpy(page.data() + nvme::kLbaFormat0At, &block_log2, sizeof block_log2);
  } else if (what == nvme::kIdentifyController) {
    const auto pages = static_cast<std::uint64_t>(params_.max_transfer) / nvme::kPageBytes;
    const std::uint32_t namespaces = 1;
    const std::uint16_t optional = 1u << 2 | 1u << 3;
    std::memcpy(page.data() + nvme::kOptionalCommandsAt, &optional, sizeof optional);
    page[nvme::kAbortLimitAt] = static_cast<std::byte>(params_.abort_limit - 1);
    page[nvme::kVolatileCacheAt] = static_cast<std::byte>(params_.cache_protected ? 0 : 1);
    page[nvme::kMaxTransferAt] = static_cast<std::byte>(std::countr_zero(pages));
    std::memcpy(page.data() + nvme::kNamespaceCountAt, &namespaces, sizeof namespaces);
  } else {
    co_return Status::invalid_field;
  }
  const Payload payload{.to_host = true, .medium_offset = 0, .buffer = page.data()};
  co_return co_await move_payload({entry.prp1, entry.prp2}, nvme::kPageBytes, payload);
}

}  // namespace iodrome::hw
