// SPDX-License-Identifier: Apache-2.0
// I/O commands.
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

// Under exploration a command may fail, be lost or be held back.
void Nvme::begin(SubmissionQueue& queue, const nvme::SubmissionEntry& entry) {
  const bool plain = static_cast<IoOpcode>(entry.opcode) == IoOpcode::read &&
                     !timeline_.choices().exploring() && validate(entry) == Status::success;
  if (plain)
    begin_plain_read(queue, entry);
  else
    execute(queue, entry);
}

Activity Nvme::execute(SubmissionQueue& queue, nvme::SubmissionEntry entry) {
  Status status = validate(entry);
  co_await pause_until(timeline_, firmware_.serve(timeline_.now(), processing_time(entry)));
  const auto opcode = static_cast<IoOpcode>(entry.opcode);
  if (status != Status::success) {
    co_await pause_for(timeline_, params_.completion_write);
  } else {
    const std::uint32_t fault = choose_fault();
    if (injected(fault, entry, status)) {
      if (status == Status::success) co_return lose(queue, entry);
      co_await pause_for(timeline_, params_.completion_write);
    } else if (opcode == IoOpcode::read) {
      const std::uint64_t first_byte = entry.first_block() << block_shift_;
      co_await flash_.read(first_byte, bytes_of(entry));
      if (medium_.payload_checked() && !queue.deleted)
        status =
            co_await move_payload({entry.prp1, entry.prp2}, bytes_of(entry), {true, first_byte});
    } else if (opcode == IoOpcode::write) {
      status = co_await serve_write(queue, entry);
    } else {
      status = co_await serve_other(entry);
    }
  }
  if (timeline_.choices().exploring()) co_await HoldBack{*this};
  --in_flight_;
  if (status == Status::success) count(entry);
  report(queue, entry.command_id, status);
  if (!held_back_.empty()) release_held_back();
}

// It ends with an Abort or a reset; if there was one already, at once.
void Nvme::lose(SubmissionQueue& queue, const nvme::SubmissionEntry& entry) {
  if (queue.deleted)
    --in_flight_;
  else
    lost_.push_back({&queue, entry});
  if (!held_back_.empty()) release_held_back();
}

// The bytes are taken from host memory before the cache has them, so a command of a deleted queue
// writes nothing.
Task<Status> Nvme::serve_write(SubmissionQueue& queue, const nvme::SubmissionEntry& entry) {
  const std::uint64_t first_byte = entry.first_block() << block_shift_;
  const std::uint32_t bytes = bytes_of(entry);
  co_await flash_.take_cache(first_byte, bytes);
  co_await pause_until(timeline_, flash_.receive(bytes));
  Status status = Status::success;
  if (medium_.payload_checked() && !queue.deleted)
    status = co_await move_payload({entry.prp1, entry.prp2}, bytes, {false, first_byte});
  flash_.write_back(first_byte, bytes);
  if ((entry.cdw12 & nvme::kForceUnitAccess) != 0) co_await flash_.make_durable();
  co_await pause_for(timeline_, params_.completion_write);
  co_return status;
}

Task<Status> Nvme::serve_other(const nvme::SubmissionEntry& entry) {
  const auto opcode = static_cast<IoOpcode>(entry.opcode);
  Status status = Status::success;
  // What left the cache after a deallocation would be mapped again.
  if (opcode == IoOpcode::flush)
    co_await flash_.make_durable();
  else
    co_await flash_.drain_cache();
  if (opcode == IoOpcode::write_zeroes) deallocate(entry.first_block(), entry.blocks());
  if (opcode == IoOpcode::dataset_management && (entry.cdw11 & nvme::kDeallocate) != 0)
    status = co_await deallocate_ranges(entry);
  co_await pause_for(timeline_, params_.completion_write);
  co_return status;
}

Task<Status> Nvme::deallocate_ranges(const nvme::SubmissionEntry& entry) {
  std::vector<nvme::DatasetRange> ranges((entry.cdw10 & 0xff) + 1);
  const std::span<std::byte> list = std::as_writable_bytes(std::span{ranges});
  const std::size_t first =
      std::min<std::size_t>(list.size(), nvme::kPageBytes - entry.prp1 % nvme::kPageBytes);
  Access head = memory_.read(entry.prp1, list.first(first));
  co_await head;
  if (head.response() != Response::ok) co_return Status::data_transfer_error;
  if (first < list.size()) {
    Access tail = memory_.read(entry.prp2, list.subspan(first));
    co_await tail;
    if (tail.response() != Response::ok) co_return Status::data_transfer_error;
  }
  for (const nvme::DatasetRange& range : ranges)
    if (range.first_block > blocks_ || range.blocks > blocks_ - range.first_block)
      co_return Status::lba_out_of_range;
  for (const nvme::DatasetRange& range : ranges) deallocate(range.first_block, range.blocks);
  co_return Status::success;
}

// Deallocated blocks read as zeros.
void Nvme::deallocate(std::uint64_t first_block, std::uint64_t blocks) {
  const std::uint64_t first = first_block << block_shift_;
  const std::uint64_t bytes = blocks << block_shift_;
  flash_.deallocate(first, bytes);
  if (!medium_.payload_checked()) return;
  const std::vector<std::byte> zeros(nvme::kPageBytes);
  for (std::uint64_t done = 0; done < bytes; done += zeros.size())
    medium_.write(first + done,
                  std::span{zeros}.first(std::min<std::size_t>(zeros.size(), bytes - done)));
}

Status Nvme::validate(const nvme::SubmissionEntry& entry) const {
  if (entry.namespace_id != 1) return Status::invalid_namespace;
  switch (static_cast<IoOpcode>(entry.opcode)) {
    case IoOpcode::flush:
    case IoOpcode::dataset_management:
      return Status::success;
    case IoOpcode::read:
    case IoOpcode::write:
    case IoOpcode::write_zeroes:
      break;
    default:
      return Status::invalid_opcode;
  }
  const std::uint64_t first = entry.first_block();
  if (first >= blocks_ || entry.blocks() > blocks_ - first) return Status::lba_out_of_range;
  if (static_cast<IoOpcode>(entry.opcode) != IoOpcode::write_zeroes &&
      std::uint64_t{entry.blocks()} << block_shift_ >
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

namespace {
enum : std::uint32_t { kNoFault, kMediaFault, kTransferFault, kLostCommand, kFaults };
}

std::uint32_t Nvme::choose_fault() {
  return timeline_.choices().choose(Choice::fault, kFaults, "nvme.command");
}

// Whether the command ends by a fault, with `status`; success means that it never ends.
bool Nvme::injected(std::uint32_t fault, const nvme::SubmissionEntry& entry, Status& status) {
  const auto opcode = static_cast<IoOpcode>(entry.opcode);
  if (fault == kNoFault) return false;
  if (fault == kTransferFault) status = Status::data_transfer_error;
  if (fault == kMediaFault)
    status = opcode == IoOpcode::read ? Status::unrecovered_read_error : Status::write_fault;
  return true;
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
    case IoOpcode::write_zeroes:
    case IoOpcode::dataset_management:
      ++counters_.deallocations;
      return;
  }
}

// Only while another command can still end, which releases this one.
bool Nvme::hold_back() {
  if (in_flight_ - held_back_.size() - lost_.size() < 2) return false;
  return timeline_.choices().choose(Choice::completion, 2, "nvme.completion") == 1;
}

void Nvme::release_held_back() {
  std::vector<std::coroutine_handle<>> released;
  released.swap(held_back_);
  for (const std::coroutine_handle<> command : released) command.resume();
}

// PRP1 names the first page and may start inside it; PRP2 the second, or the list of all further
// ones. The last entry of a full list page names the next list page.
Task<Status> Nvme::move_payload(Prps prps, std::uint32_t bytes, Payload payload) {
  constexpr std::uint32_t kPage = nvme::kPageBytes;
  const auto first =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes, kPage - prps.prp1 % kPage));
  Status status = co_await move_page(prps.prp1, first, payload);
  const bool list = bytes - first > kPage;
  PhysAddr next_entry = prps.prp2;
  for (std::uint32_t done = first; done < bytes && status == Status::success;) {
    const std::uint32_t count = std::min(bytes - done, kPage);
    PhysAddr page = prps.prp2;
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
