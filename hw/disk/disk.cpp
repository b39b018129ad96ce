// SPDX-License-Identifier: Apache-2.0
#include "hw/disk/disk.h"

#include <algorithm>
#include <bit>

#include "hw/core/register_access.h"
#include "model/engine/random.h"

namespace iodrome::hw {

using disk::AtaCommand;

namespace {

const DiskParams& examined(const DiskParams& params) {
  ParameterProblems problems;
  params.examine(problems);
  if (!problems.empty()) fail_check(problems.lines()[0].c_str());
  return params;
}

Duration spindle_phase(const DiskParams& params, DrawKey key) {
  const std::uint64_t bits = draw(key.seed, Purpose::media_read, key.device);
  return ps(static_cast<std::int64_t>(
      below(bits, static_cast<std::uint64_t>(to_ps(params.revolution())))));
}

AtaCommand command_of(const disk::CommandFis& fis) {
  return static_cast<AtaCommand>(fis.command);
}

bool transfers(AtaCommand command) {
  return command == AtaCommand::read_dma_ext || command == AtaCommand::write_dma_ext;
}

}  // namespace

Disk::Disk(const DiskParams& params, Timeline& timeline, Port& memory, Port& interrupts,
           Medium& medium, DrawKey key)
    : params_(examined(params)),
      timeline_(timeline),
      memory_(memory),
      interrupts_(interrupts),
      medium_(medium),
      mechanics_(params, spindle_phase(params, key)),
      sectors_(std::min(mechanics_.sectors(),
                        static_cast<std::int64_t>(medium.size_bytes() / disk::kSectorBytes))) {
  timeline.watch(*this);
}

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
      port_command_ = word;
      break;
    case disk::kPxTfd:
      return Response::command_error;
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

Response Disk::issue(std::uint32_t slots) {
  if ((control_ & disk::kGhcEnable) == 0 || (port_command_ & disk::kPxCmdStart) == 0)
    return Response::generic_error;
  const std::uint32_t fresh = slots & ~issued_;
  issued_ |= fresh;
  if (fresh != 0) serve(fresh);
  return Response::ok;
}

// Brings its slots to the disk and, if the disk is idle, serves until nothing waits.
Activity Disk::serve(std::uint32_t slots) {
  co_await pause_for(timeline_, params_.doorbell_flight + params_.command_fetch);
  for (; slots != 0; slots &= slots - 1)
    waiting_.push_back(static_cast<std::uint32_t>(std::countr_zero(slots)));
  if (serving_) co_return;
  serving_ = true;
  while (!waiting_.empty()) {
    Work work;
    work.slot = waiting_.front();
    waiting_.pop_front();
    const bool success = co_await perform(work);
    end(work, success);
  }
  serving_ = false;
}

Task<bool> Disk::perform(Work& work) {
  work.header_address = command_list_ + sizeof work.header * work.slot;
  Access header =
      memory_.read(work.header_address, std::as_writable_bytes(std::span{&work.header, 1}));
  co_await header;
  Access fis = memory_.read(work.header.table, std::as_writable_bytes(std::span{&work.fis, 1}));
  co_await fis;
  const AtaCommand command = command_of(work.fis);
  const bool known = transfers(command) || command == AtaCommand::identify_device ||
                     command == AtaCommand::flush_cache_ext;
  const auto sector = static_cast<std::int64_t>(work.fis.sector());
  const bool outside = transfers(command) && sector + work.fis.sectors() > sectors_;
  if (header.response() != Response::ok || fis.response() != Response::ok || !known || outside) {
    co_await pause_for(timeline_, params_.command_overhead);
    co_return false;
  }
  co_await pause_until(timeline_, ready_time(work.fis));
  if (command == AtaCommand::flush_cache_ext) co_return true;
  if (command == AtaCommand::identify_device) {
    std::vector<std::byte> page(disk::kSectorBytes);
    std::memcpy(page.data() + disk::kIdentifySectorsAt, &sectors_, sizeof sectors_);
    const bool moved = co_await move_payload(work, true, page);
    co_return moved;
  }
  if (timeline_.choices().choose(Choice::fault, 2, "disk.media") != 0) co_return false;
  if (medium_.payload_checked()) {
    const bool moved = co_await move_payload(work, command == AtaCommand::read_dma_ext, {});
    if (!moved) co_return false;
  }
  const std::uint32_t bytes = work.fis.sectors() * disk::kSectorBytes;
  Access moved = memory_.write(work.header_address + offsetof(disk::CommandHeader, bytes_moved),
                               std::as_writable_bytes(std::span{&work.header.bytes_moved, 1}));
  work.header.bytes_moved = bytes;
  co_await moved;
  co_return true;
}

// The interface moves sectors while others pass the head; the last one follows after it has passed.
SimTime Disk::ready_time(const disk::CommandFis& fis) {
  const SimTime start = timeline_.now() + params_.command_overhead;
  if (!transfers(command_of(fis)))
    return start + params_.interface_rate.time_for(disk::kSectorBytes);
  const auto sector = static_cast<std::int64_t>(fis.sector());
  const std::int64_t bytes = std::int64_t{fis.sectors()} * disk::kSectorBytes;
  const SimTime over_interface = start + params_.interface_rate.time_for(bytes);
  if (command_of(fis) == AtaCommand::write_dma_ext)
    return std::max(over_interface, mechanics_.write(start, sector, fis.sectors()));
  const SimTime passed = mechanics_.read(start, sector, fis.sectors());
  if (passed == start) return over_interface;
  return std::max(over_interface, passed + params_.interface_rate.time_for(disk::kSectorBytes));
}

Task<bool> Disk::move_payload(const Work& work, bool to_host, std::span<std::byte> instead) {
  const std::uint32_t total = instead.empty() ? work.fis.sectors() * disk::kSectorBytes
                                              : static_cast<std::uint32_t>(instead.size());
  std::uint64_t byte = work.fis.sector() * disk::kSectorBytes;
  std::uint32_t left = total;
  for (std::uint32_t i = 0; i < work.header.scatter_entries && left > 0; ++i) {
    disk::ScatterEntry entry;
    Access access = memory_.read(work.header.table + disk::kScatterAt + sizeof entry * i,
                                 std::as_writable_bytes(std::span{&entry, 1}));
    co_await access;
    if (access.response() != Response::ok) co_return false;
    const std::uint32_t count = std::min(left, (entry.last_byte & 0x3f'ffff) + 1);
    const std::span<std::byte> source =
        instead.empty() ? instead : instead.subspan(total - left, count);
    const bool moved = co_await move_piece(entry.address, count, to_host, byte, source);
    if (!moved) co_return false;
    byte += count;
    left -= count;
  }
  co_return left == 0;
}

Task<bool> Disk::move_piece(PhysAddr host, std::uint32_t count, bool to_host, std::uint64_t byte,
                            std::span<std::byte> instead) {
  if (to_host && instead.empty()) {
    const Reproducible* const source = medium_.reproducible(byte, count);
    if (source != nullptr && memory_.write_unseen(host, count, *source, byte)) co_return true;
  }
  const std::span<std::byte> direct = memory_.direct(host, count);
  std::vector<std::byte> staging(direct.empty() ? count : 0);
  const std::span<std::byte> bytes = direct.empty() ? std::span{staging} : direct;
  if (!to_host) {
    Access access = memory_.read(host, bytes);
    if (direct.empty()) co_await access;
    if (access.response() != Response::ok) co_return false;
    medium_.write(byte, bytes);
    co_return true;
  }
  if (instead.empty())
    medium_.read(byte, bytes);
  else
    std::ranges::copy(instead, bytes.begin());
  Access access = memory_.write(host, bytes);
  if (direct.empty()) co_await access;
  co_return access.response() == Response::ok;
}

void Disk::end(const Work& work, bool success) {
  const std::uint32_t slot = 1u << work.slot;
  issued_ &= ~slot;
  task_file_ = success ? disk::kPxTfdReady : disk::kPxTfdError;
  if (success) {
    count(work.fis);
  } else {
    ++counters_.errors;
    failed_ |= slot;
  }
  const std::uint32_t raised = disk::kPxIsDone | (success ? 0 : disk::kPxIsError);
  const bool first = (interrupt_status_ & interrupt_enable_) == 0;
  interrupt_status_ |= raised;
  if (first && (interrupt_enable_ & raised) != 0 && (control_ & disk::kGhcInterrupts) != 0)
    send_message();
}

void Disk::count(const disk::CommandFis& fis) {
  const std::uint64_t bytes = std::uint64_t{fis.sectors()} * disk::kSectorBytes;
  if (command_of(fis) == AtaCommand::read_dma_ext) {
    ++counters_.reads;
    counters_.bytes_to_host += bytes;
  } else if (command_of(fis) == AtaCommand::write_dma_ext) {
    ++counters_.writes;
    counters_.bytes_from_host += bytes;
  }
}

Activity Disk::send_message() {
  co_await pause_for(timeline_, params_.msi_flight);
  ++counters_.interrupts;
  co_await interrupts_.write32(msi_address_, msi_data_);
}

void Disk::describe_stall(std::vector<StallLine>& lines) const {
  if (issued_ != 0)
    lines.push_back(
        {"disk", std::to_string(std::popcount(issued_)) + " commands issued and not ended"});
}

}  // namespace iodrome::hw
