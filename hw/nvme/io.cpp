// SPDX-License-Identifier: Apache-2.0
// Read, write and flush.
#include <algorithm>

#include "hw/nvme/nvme.h"

namespace iodrome::hw {

using nvme::IoOpcode;
using nvme::Status;

// Parks a finished command until another one has been reported.
struct Nvme::HoldBack {
  Nvme& drive;
  bool await_ready() const { return !drive.hold_back(); }
  void await_suspend(std::coroutine_handle<> waiter) const { drive.held_back_.push_back(waiter); }
  void await_resume() const noexcept {}
};

Activity Nvme::execute(SubmissionQueue& queue, nvme::SubmissionEntry entry) {
  Status status = validate(entry);
  co_await pause_until(timeline_, firmware_.serve(timeline_.now(), processing_time(entry)));
  const auto opcode = static_cast<IoOpcode>(entry.opcode);
  if (status != Status::success || opcode == IoOpcode::flush) {
    co_await pause_for(timeline_, params_.completion_write);
  } else {
    const std::uint64_t first_byte = entry.first_block() << block_shift_;
    if (opcode == IoOpcode::read) {
      co_await flash_.read(first_byte, bytes_of(entry));
    } else {
      co_await flash_.take_cache(bytes_of(entry));
      co_await pause_until(timeline_, flash_.receive(bytes_of(entry)) + params_.completion_write);
      flash_.write_back(bytes_of(entry));
    }
    status = media_status(opcode);
    if (status == Status::success && medium_.payload_checked() && !queue.deleted)
      status =
          co_await move_payload(entry, bytes_of(entry), {opcode == IoOpcode::read, first_byte});
  }
  if (timeline_.choices().exploring()) co_await HoldBack{*this};
  --in_flight_;
  if (status == Status::success) count(entry);
  report(queue, entry, status);
  if (!held_back_.empty()) release_held_back();
}

Status Nvme::validate(const nvme::SubmissionEntry& entry) const {
  if (entry.opcode > static_cast<std::uint8_t>(IoOpcode::read)) return Status::invalid_opcode;
  if (entry.namespace_id != 1) return Status::invalid_namespace;
  if (static_cast<IoOpcode>(entry.opcode) == IoOpcode::flush) return Status::success;
  const std::uint64_t first = entry.first_block();
  if (first >= blocks_ || entry.blocks() > blocks_ - first) return Status::lba_out_of_range;
  if (std::uint64_t{entry.blocks()} << block_shift_ >
      static_cast<std::uint64_t>(params_.max_transfer))
    return Status::invalid_field;
  return Status::success;
}

Duration Nvme::processing_time(const nvme::SubmissionEntry& entry) const {
  if (static_cast<IoOpcode>(entry.opcode) == IoOpcode::read)
    return bytes_of(entry) <= kSmallRead ? params_.firmware_read_small
                                         : params_.firmware_read_large;
  if (static_cast<IoOpcode>(entry.opcode) != IoOpcode::write) return params_.firmware_write;
  const std::int64_t units = (bytes_of(entry) + kSmallRead - 1) / kSmallRead;
  return params_.firmware_write + units * params_.firmware_write_unit;
}

Status Nvme::media_status(IoOpcode opcode) {
  if (timeline_.choices().choose(Choice::fault, 2, "nvme.media") == 0) return Status::success;
  return opcode == IoOpcode::read ? Status::unrecovered_read_error : Status::write_fault;
}

void Nvme::count(const nvme::SubmissionEntry& entry) {
  switch (static_cast<IoOpcode>(entry.opcode)) {
    case IoOpcode::read:
      ++counters_.reads;
      counters_.bytes_to_host += bytes_of(entry);
      return;
    case IoOpcode::write:
      ++counters_.writes;
      counters_.bytes_from_host += bytes_of(entry);
      return;
    case IoOpcode::flush:
      ++counters_.flushes;
      return;
  }
}

// Only while another command can still be reported, which releases this one.
bool Nvme::hold_back() {
  if (in_flight_ - held_back_.size() < 2) return false;
  return timeline_.choices().choose(Choice::completion, 2, "nvme.completion") == 1;
}

void Nvme::release_held_back() {
  std::vector<std::coroutine_handle<>> released;
  released.swap(held_back_);
  for (const std::coroutine_handle<> command : released) command.resume();
}

// PRP1 names the first page and may start inside it; PRP2 the second, or the list of all further
// ones. The last entry of a full list page names the next list page.
Task<Status> Nvme::move_payload(const nvme::SubmissionEntry& entry, std::uint32_t bytes,
                                Payload payload) {
  constexpr std::uint32_t kPage = nvme::kPageBytes;
  const auto first =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes, kPage - entry.prp1 % kPage));
  Status status = co_await move_page(entry.prp1, first, payload);
  const bool list = bytes - first > kPage;
  PhysAddr next_entry = entry.prp2;
  for (std::uint32_t done = first; done < bytes && status == Status::success;) {
    const std::uint32_t count = std::min(bytes - done, kPage);
    PhysAddr page = entry.prp2;
    if (list) {
      for (int hops = 0; hops < 2; ++hops) {
        const bool link = next_entry % kPage == kPage - 8 && bytes - done > kPage;
        Access access = memory_.read64(next_entry);
        page = co_await access;
        if (access.response() != Response::ok) co_return Status::data_transfer_error;
        next_entry = link ? page : next_entry + 8;
        if (!link) break;
      }
    }
    if (page % kPage != 0) co_return Status::invalid_prp_offset;
    Payload rest = payload;
    rest.medium_offset += done;
    if (rest.buffer != nullptr) rest.buffer += done;
    status = co_await move_page(page, count, rest);
    done += count;
  }
  co_return status;
}

Task<Status> Nvme::move_page(PhysAddr host, std::uint32_t count, Payload payload) {
  if (payload.to_host && payload.buffer == nullptr) {
    const Reproducible* const source = medium_.reproducible(payload.medium_offset, count);
    if (source != nullptr && memory_.write_unseen(host, count, *source, payload.medium_offset))
      co_return Status::success;
  }
  const std::span<std::byte> direct = memory_.direct(host, count);
  std::vector<std::byte> staging(direct.empty() ? count : 0);
  const std::span<std::byte> bytes = direct.empty() ? std::span{staging} : direct;
  if (!payload.to_host && direct.empty()) {
    Access access = memory_.read(host, bytes);
    co_await access;
    if (access.response() != Response::ok) co_return Status::data_transfer_error;
  }
  if (!payload.to_host)
    medium_.write(payload.medium_offset, bytes);
  else if (payload.buffer != nullptr)
    std::copy_n(payload.buffer, count, bytes.begin());
  else
    medium_.read(payload.medium_offset, bytes);
  if (payload.to_host && direct.empty()) {
    Access access = memory_.write(host, bytes);
    co_await access;
    if (access.response() != Response::ok) co_return Status::data_transfer_error;
  }
  co_return Status::success;
}

}  // namespace iodrome::hw
