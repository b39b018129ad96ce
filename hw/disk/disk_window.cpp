// SPDX-License-Identifier: Apache-2.0
// The disk's register window: how commands come in and how their ends go out.
#include <bit>

#include "hw/core/message_fault.h"
#include "hw/core/register_access.h"
#include "hw/disk/disk.h"

namespace iodrome::hw {

using disk::AtaCommand;

Response Disk::access(Command command, std::uint64_t address, std::span<std::byte> data) {
  if (command == Command::read) return read_register(address, data);
  std::uint64_t value = 0;
  if (data.size() > sizeof value) return Response::command_error;
  std::memcpy(&value, data.data(), data.size());
  return write_register(address, value, data.size());
}

Response Disk::read_register(std::uint64_t address, std::span<std::byte> data) const {
  switch (address) {
    case disk::kGhc:
      return read_value(data, control_);
    case disk::kPxClb:
      return read_value(data, command_list_);
    case disk::kPxIs:
      return read_value(data, interrupt_status_);
    case disk::kPxIe:
      return read_value(data, interrupt_enable_);
    case disk::kPxCmd:
      return read_value(data, port_command_);
    case disk::kPxTfd:
      return read_value(data, task_file_);
    case disk::kPxSact:
      return read_value(data, queued_);
    case disk::kPxCi:
      return read_value(data, issued_);
    case disk::kMsiAddress:
      return read_value(data, msi_address_);
    case disk::kMsiData:
      return read_value(data, msi_data_);
    case disk::kFailed:
      return read_value(data, failed_);
    default:
      return Response::address_error;
  }
}

Response Disk::write_register(std::uint64_t address, std::uint64_t value, std::size_t size) {
  const bool wide = address == disk::kPxClb || address == disk::kMsiAddress;
  if (size != (wide ? 8u : 4u)) return Response::command_error;
  const auto word = static_cast<std::uint32_t>(value);
  switch (address) {
    case disk::kGhc:
      control_ = word;
      break;
    case disk::kPxClb:
      command_list_ = value;
      break;
    case disk::kPxIs:
      interrupt_status_ &= ~word;
      break;
    case disk::kPxIe:
      interrupt_enable_ = word;
      break;
    case disk::kPxCmd:
      start_or_stop(word);
      break;
    case disk::kPxTfd:
      return Response::command_error;
    case disk::kPxSact:
      if ((port_command_ & disk::kPxCmdStart) == 0) return Response::generic_error;
      queued_ |= word;
      break;
    case disk::kPxCi:
      return issue(word);
    case disk::kMsiAddress:
      msi_address_ = value;
      break;
    case disk::kMsiData:
      msi_data_ = word;
      break;
    case disk::kFailed:
      failed_ &= ~word;
      break;
    default:
      return Response::address_error;
  }
  return Response::ok;
}

// What the arm is at work on goes on, and nobody hears of it. The write cache keeps what it has.
void Disk::start_or_stop(std::uint32_t port_command) {
  const bool stops = (port_command_ & ~port_command & disk::kPxCmdStart) != 0;
  port_command_ = port_command;
  if (!stops) return;
  ++epoch_;
  waiting_.clear();
  issued_ = queued_ = has_queued_ = has_plain_ = failed_ = 0;
  task_file_ = disk::kPxTfdReady;
  hung_ = false;
  if (!serving_ && !cache_.empty()) destage_later(timeline_.now());
}

Response Disk::issue(std::uint32_t slots) {
  if ((control_ & disk::kGhcEnable) == 0 || (port_command_ & disk::kPxCmdStart) == 0)
    return Response::generic_error;
  const std::uint32_t fresh = slots & ~issued_;
  issued_ |= fresh;
  if (fresh != 0) receive(fresh, epoch_);
  return Response::ok;
}

// Brings its slots to the disk and, if the disk is idle, serves until nothing waits.
Activity Disk::receive(std::uint32_t slots, std::uint32_t epoch) {
  co_await pause_for(timeline_, params_.doorbell_flight + params_.command_fetch);
  for (; slots != 0 && epoch == epoch_; slots &= slots - 1) {
    Work work;
    work.slot = static_cast<std::uint32_t>(std::countr_zero(slots));
    work.epoch = epoch;
    co_await fetch(work);
    if (epoch != epoch_) co_return;
    const std::uint32_t bit = 1u << work.slot;
    if (work.queued) issued_ &= ~bit;
    (work.queued ? has_queued_ : has_plain_) |= bit;
    work.arrived = timeline_.now();
    waiting_.push_back(work);
  }
  if (!serving_ && epoch == epoch_) work_off();
}

Task<void> Disk::fetch(Work& work) {
  work.header_address = command_list_ + sizeof work.header * work.slot;
  Access header =
      memory_.read(work.header_address, std::as_writable_bytes(std::span{&work.header, 1}));
  co_await header;
  if (header.response() != Response::ok) co_return;
  Access fis = memory_.read(work.header.table, std::as_writable_bytes(std::span{&work.fis, 1}));
  co_await fis;
  if (fis.response() != Response::ok) co_return;
  work.queued = is_queued(work.command());
  work.legal = examine(work);
}

bool Disk::examine(const Work& work) const {
  if (work.queued) {
    const bool told = (queued_ >> work.slot & 1) != 0 && work.fis.count >> 3 == work.slot;
    const auto depth = static_cast<std::uint32_t>(params_.queue_depth);
    const bool room = static_cast<std::uint32_t>(std::popcount(has_queued_)) < depth;
    if (depth == 1 || !told || !room || has_plain_ != 0) return false;
  } else if (has_queued_ != 0) {
    return false;
  }
  if (work.reads() || work.writes()) return work.sector() + work.count() <= sectors_;
  switch (work.command()) {
    case AtaCommand::flush_cache_ext:
    case AtaCommand::identify_device:
      return true;
    case AtaCommand::set_features:
      return params_.write_cache > 0 && (work.fis.features == disk::kEnableWriteCache ||
                                         work.fis.features == disk::kDisableWriteCache);
    default:
      return false;
  }
}

void Disk::end(const Work& work, bool success) {
  const std::uint32_t slot = 1u << work.slot;
  if (work.queued) {
    queued_ &= ~slot;
    has_queued_ &= ~slot;
  } else {
    issued_ &= ~slot;
    has_plain_ &= ~slot;
  }
  task_file_ = success ? disk::kPxTfdReady : disk::kPxTfdError;
  if (success) {
    count(work);
  } else {
    ++counters_.errors;
    failed_ |= slot;
  }
  const std::uint32_t done = work.queued ? disk::kPxIsQueued : disk::kPxIsDone;
  const std::uint32_t raised = done | (success ? 0 : disk::kPxIsError);
  const bool first = (interrupt_status_ & interrupt_enable_) == 0;
  interrupt_status_ |= raised;
  if (first && (interrupt_enable_ & raised) != 0 && (control_ & disk::kGhcInterrupts) != 0)
    send_message();
}

void Disk::count(const Work& work) {
  const std::uint64_t bytes = std::uint64_t{work.fis.sectors()} * disk::kSectorBytes;
  if (work.reads()) {
    ++counters_.reads;
    counters_.bytes_to_host += bytes;
  } else if (work.writes()) {
    ++counters_.writes;
    counters_.bytes_from_host += bytes;
  }
}

// The oracle may lose it, or send it twice.
Activity Disk::send_message() {
  const int messages = messages_sent(timeline_, "disk.interrupt");
  for (int message = 0; message < messages; ++message) {
    co_await pause_for(timeline_, params_.msi_flight);
    ++counters_.interrupts;
    co_await interrupts_.write32(msi_address_, msi_data_);
  }
}

void Disk::describe_stall(std::vector<StallLine>& lines) const {
  const std::uint32_t outstanding = issued_ | queued_;
  if (outstanding != 0)
    lines.push_back(
        {"disk", std::to_string(std::popcount(outstanding)) + " commands issued and not ended"});
}

}  // namespace iodrome::hw
