// SPDX-License-Identifier: Apache-2.0
// What descriptors do to memory, page by page, so that a fault leaves what was done before it.
#include <algorithm>

#include "hw/dma/dsa.h"
#include "model/engine/crc32c.h"

namespace iodrome::hw {

using dsa::Opcode;
using dsa::Status;

namespace {

constexpr std::uint32_t kPage = 4096;

bool reads_source(Opcode opcode) {
  return opcode != Opcode::fill;
}
bool uses_destination(Opcode opcode) {
  return opcode != Opcode::crc && opcode != Opcode::compare_pattern;
}
bool has_two(Opcode opcode) {  // sources, or destinations
  return opcode == Opcode::compare || opcode == Opcode::dualcast;
}

// How often a byte of it crosses to memory.
std::int64_t traffic_of(Opcode opcode) {
  return (reads_source(opcode) ? 1 : 0) + (uses_destination(opcode) ? 1 : 0) +
         (opcode == Opcode::dualcast ? 1 : 0);
}

std::byte pattern_byte(std::uint64_t pattern, std::uint32_t offset) {
  return static_cast<std::byte>(pattern >> 8 * (offset % 8));
}

bool failed(const dsa::Record& record) {
  return record.status == static_cast<std::uint8_t>(Status::page_fault);
}

}  // namespace

// Up to the next page boundary of any address.
std::uint32_t Dsa::piece_at(const dsa::Descriptor& descriptor, std::uint32_t offset) const {
  const Opcode opcode = descriptor.opcode();
  std::uint32_t piece = std::min(descriptor.size - offset, kPage);
  const auto until = [&](std::uint64_t address) {
    piece = std::min(piece, kPage - static_cast<std::uint32_t>((address + offset) % kPage));
  };
  if (reads_source(opcode)) until(descriptor.source);
  if (uses_destination(opcode)) until(descriptor.destination);
  if (opcode == Opcode::dualcast) until(descriptor.extra[0]);
  return piece;
}

// The oracle may have one of the first pages missing; 0 is none.
std::uint32_t Dsa::faulting_piece(const dsa::Descriptor& descriptor) {
  const std::uint32_t pages = std::min(descriptor.size / kPage + 1, 16u);
  return timeline_.choices().choose(Choice::fault, 1 + pages, "dsa.page");
}

// A piece takes its time on the bus, then its bytes move; engines take turns piece by piece. A page
// that is missing ends the descriptor there, unless it waits for the page.
Task<dsa::Record> Dsa::carry_out(const dsa::Descriptor& descriptor) {
  dsa::Record record;
  record.status = static_cast<std::uint8_t>(Status::success);
  record.crc = descriptor.extra[0];
  const std::uint32_t faulting = faulting_piece(descriptor);
  const std::int64_t crossings = has_two(descriptor.opcode()) ? 2 : 1;
  std::uint32_t number = 0;
  std::uint32_t done = 0;
  while (done < descriptor.size && record.result == 0) {
    const std::uint32_t piece = piece_at(descriptor, done);
    if (++number == faulting) {
      ++counters_.page_faults;
      if ((descriptor.flags_opcode & dsa::kBlockOnFault) == 0) {
        record.status = static_cast<std::uint8_t>(Status::page_fault);
        const bool source = reads_source(descriptor.opcode());
        record.fault_address = (source ? descriptor.source : descriptor.destination) + done;
        break;
      }
      co_await pause_for(timeline_, params_.page_fault);
    }
    const SimTime now = timeline_.now();
    co_await pause_until(timeline_, memory_.pass(now, bus_.take(now, piece * crossings),
                                                 traffic_of(descriptor.opcode()) * piece));
    if (payload_checked_) co_await carry_piece(descriptor, done, piece, record);
    if (failed(record)) break;
    done += piece;
  }
  if (record.result == 0) record.bytes = done;
  counters_.bytes += done;
  co_return record;
}

Task<void> Dsa::carry_piece(const dsa::Descriptor& descriptor, std::uint32_t offset,
                            std::uint32_t bytes, dsa::Record& record) {
  const Opcode opcode = descriptor.opcode();
  std::vector<std::byte> data(bytes);
  if (reads_source(opcode)) {
    const bool read = co_await read_piece(descriptor.source + offset, data, record);
    if (!read) co_return;
  } else {
    for (std::uint32_t i = 0; i < bytes; ++i) data[i] = pattern_byte(descriptor.source, offset + i);
  }
  if (opcode == Opcode::crc || opcode == Opcode::copy_crc)
    record.crc = crc32c(static_cast<std::uint32_t>(record.crc), data);
  if (opcode == Opcode::compare || opcode == Opcode::compare_pattern) {
    std::vector<std::byte> other(bytes);
    if (opcode == Opcode::compare) {
      const bool read = co_await read_piece(descriptor.destination + offset, other, record);
      if (!read) co_return;
    } else {
      for (std::uint32_t i = 0; i < bytes; ++i)
        other[i] = pattern_byte(descriptor.destination, offset + i);
    }
    const auto difference = std::mismatch(data.begin(), data.end(), other.begin()).first;
    if (difference == data.end()) co_return;
    record.result = 1;
    record.bytes = offset + static_cast<std::uint32_t>(difference - data.begin());
    co_return;
  }
  if (opcode == Opcode::crc) co_return;
  const bool written = co_await write_piece(descriptor.destination + offset, data, record);
  if (!written || opcode != Opcode::dualcast) co_return;
  co_await write_piece(descriptor.extra[0] + offset, data, record);
}

void Dsa::note_fault(dsa::Record& record, PhysAddr at) {
  ++counters_.page_faults;
  record.status = static_cast<std::uint8_t>(Status::page_fault);
  record.fault_address = at;
}

Task<bool> Dsa::read_piece(PhysAddr at, std::vector<std::byte>& to, dsa::Record& record) {
  Access read = memory_.read(at, to);
  co_await read;
  if (read.response() == Response::ok) co_return true;
  note_fault(record, at);
  co_return false;
}

Task<bool> Dsa::write_piece(PhysAddr at, std::vector<std::byte>& from, dsa::Record& record) {
  Access write = memory_.write(at, from);
  co_await write;
  if (write.response() == Response::ok) co_return true;
  note_fault(record, at);
  co_return false;
}

}  // namespace iodrome::hw
