// SPDX-License-Identifier: Apache-2.0
// The register window of the controller.
#include "hw/nvme/registers.h"

#include <utility>

#include "hw/core/register_access.h"
#include "hw/nvme/nvme.h"

namespace iodrome::hw {

Response Nvme::access(Command command, std::uint64_t address, std::span<std::byte> data) {
  if (address >= nvme::kDoorbells && address < nvme::kMsixTable) {
    std::uint32_t value = 0;
    if (command == Command::read) return Response::command_error;
    const Response response = write_value(data, value);
    return response == Response::ok ? ring_doorbell(address, value) : response;
  }
  if (address >= nvme::kMsixTable) return access_vector(command, address - nvme::kMsixTable, data);
  return command == Command::read ? read_register(address, data) : write_register(address, data);
}

Response Nvme::read_register(std::uint64_t address, std::span<std::byte> data) {
  // CAP: queue size; queues are contiguous (CQR); time to be ready (TO); NVM command set; stride 0;
  // pages of 4 KiB.
  const auto ready_units = static_cast<std::uint64_t>((params_.ready_time + 500ms - ps(1)) / 500ms);
  const std::uint64_t capabilities = static_cast<std::uint64_t>(params_.queue_entries - 1) |
                                     (1ull << 16) | ready_units << 24 | (1ull << 37);
  switch (address) {
    case nvme::kCap:
      return read_value(data, capabilities);
    case nvme::kVs:
      return read_value(data, nvme::kVersion14);
    case nvme::kCc:
      return read_value(data, configuration_);
    case nvme::kCsts:
      return read_value(data, status_);
    case nvme::kAqa:
      return read_value(data, admin_sizes_);
    case nvme::kAsq:
      return read_value(data, admin_sq_);
    case nvme::kAcq:
      return read_value(data, admin_cq_);
    default:
      return Response::address_error;
  }
}

Response Nvme::write_register(std::uint64_t address, std::span<const std::byte> data) {
  switch (address) {
    case nvme::kCc: {
      std::uint32_t value = 0;
      const Response response = write_value(data, value);
      if (response == Response::ok) configure(value);
      return response;
    }
    case nvme::kAqa:
      return write_value(data, admin_sizes_);
    case nvme::kAsq:
      return write_value(data, admin_sq_);
    case nvme::kAcq:
      return write_value(data, admin_cq_);
    case nvme::kCap:
    case nvme::kVs:
    case nvme::kCsts:
      return Response::command_error;
    default:
      return Response::address_error;
  }
}

void Nvme::configure(std::uint32_t value) {
  const bool was_enabled = (configuration_ & nvme::kCcEnable) != 0;
  configuration_ = value;
  if ((value & nvme::kCcShutdownMask) != 0) status_ |= nvme::kCstsShutdownDone;
  const bool enabled = (value & nvme::kCcEnable) != 0;
  if (enabled && !was_enabled) enable();
  if (!enabled && was_enabled) disable();
}

void Nvme::enable() {
  coalesce_count_ = params_.coalesce_count;  // features that were not saved have their defaults
  coalesce_time_ = params_.coalesce_time;
  submission_[0] = std::make_unique<SubmissionQueue>();
  submission_[0]->entries = (admin_sizes_ & 0xfff) + 1;
  submission_[0]->base = admin_sq_;
  completion_[0] = std::make_unique<CompletionQueue>();
  completion_[0]->entries = ((admin_sizes_ >> 16) & 0xfff) + 1;
  completion_[0]->base = admin_cq_;
  completion_[0]->interrupts = true;
  completion_[0]->users = 1;
  const bool again = std::exchange(was_enabled_, true);
  ++enables_;
  if (submission_[0]->entries < 2 || completion_[0]->entries < 2)
    status_ = nvme::kCstsFatal;
  else if (!again)
    status_ = nvme::kCstsReady;
  else
    become_ready(enables_);
}

// After power-on it has been ready for long.
Activity Nvme::become_ready(std::uint64_t enable) {
  enum : std::uint32_t { kNone, kUnready, kFatal, kKinds };
  const std::uint32_t fault = timeline_.choices().choose(Choice::fault, kKinds, "nvme.reset");
  co_await pause_for(timeline_, params_.ready_time);
  // The host may have given up meanwhile.
  if (fault == kUnready || enable != enables_ || (configuration_ & nvme::kCcEnable) == 0) co_return;
  status_ = fault == kFatal ? nvme::kCstsFatal : nvme::kCstsReady;
}

void Nvme::disable() {
  in_flight_ -= lost_.size();
  lost_.clear();
  for (auto& queue : submission_) {
    if (queue == nullptr) continue;
    queue->deleted = true;
    old_submission_.push_back(std::move(queue));
  }
  for (auto& queue : completion_) {
    if (queue == nullptr) continue;
    queue->deleted = true;
    old_completion_.push_back(std::move(queue));
  }
  status_ = 0;
  release_held_back();
}

Response Nvme::ring_doorbell(std::uint64_t address, std::uint32_t value) {
  const std::uint64_t index = (address - nvme::kDoorbells) / 4;
  const std::uint64_t id = index / 2;
  if (address % 4 != 0 || id >= submission_.size()) return Response::address_error;
  if (status_ != nvme::kCstsReady) return Response::generic_error;
  if (index % 2 == 0) {
    SubmissionQueue* const queue = submission_[id].get();
    if (queue == nullptr || value >= queue->entries) return Response::generic_error;
    if (value != queue->tail) {
      queue->tail = value;
      fetch(*queue, value);
    }
    return Response::ok;
  }
  CompletionQueue* const queue = completion_[id].get();
  if (queue == nullptr || value >= queue->entries) return Response::generic_error;
  queue->head = value;
  if (!queue->backlog.empty()) post_backlog(*queue);
  return Response::ok;
}

Response Nvme::access_vector(Command command, std::uint64_t offset, std::span<std::byte> data) {
  const std::uint64_t index = offset / nvme::kMsixEntryBytes;
  if (index >= vectors_.size()) return Response::address_error;
  Vector& vector = vectors_[index];
  std::uint32_t control = vector.masked ? 1 : 0;
  const bool reading = command == Command::read;
  switch (offset % nvme::kMsixEntryBytes) {
    case nvme::kMsixAddress:
      return reading ? read_value(data, vector.address) : write_value(data, vector.address);
    case nvme::kMsixData:
      return reading ? read_value(data, vector.data) : write_value(data, vector.data);
    case nvme::kMsixControl:
      break;
    default:
      return Response::address_error;
  }
  if (reading) return read_value(data, control);
  const Response response = write_value(data, control);
  if (response != Response::ok) return response;
  vector.masked = (control & 1) != 0;
  if (!vector.masked && vector.pending) send_unmasked(static_cast<std::uint16_t>(index));
  return Response::ok;
}

}  // namespace iodrome::hw
