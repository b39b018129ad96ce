// SPDX-License-Identifier: Apache-2.0
// Registers and interrupts of the card.
#include "hw/nic/nic.h"

#include <algorithm>

#include "hw/core/examined.h"
#include "hw/core/register_access.h"
#include "model/engine/check.h"

namespace iodrome::hw {

namespace {

bool wide(std::uint64_t address) {
  return address == nic::kTxBase || address == nic::kTxHeadAddress || address == nic::kRxBase ||
         address == nic::kRxDataBase || address == nic::kMsiAddress;
}

}  // namespace

Nic::Nic(const NicParams& params, Timeline& timeline, Port& memory, Port& interrupts,
         NetworkPeer& peer)
    : params_(examined(params)),
      timeline_(timeline),
      memory_(memory),
      interrupts_(interrupts),
      peer_(peer),
      host_bus_(params.host_rate),
      host_bus_in_(params.host_rate),
      interval_(params.interrupt_interval) {
  timeline.watch(*this);
}

Response Nic::access(Command command, std::uint64_t address, std::span<std::byte> data) {
  if (command == Command::read) return read_register(address, data);
  std::uint64_t value = 0;
  if (data.size() != (wide(address) ? 8u : 4u)) return Response::command_error;
  std::memcpy(&value, data.data(), data.size());
  return write_register(address, value);
}

Response Nic::read_register(std::uint64_t address, std::span<std::byte> data) const {
  switch (address) {
    case nic::kTxBase:
      return read_value(data, tx_.base);
    case nic::kTxEntries:
      return read_value(data, tx_.entries);
    case nic::kTxTail:
      return read_value(data, tx_.tail);
    case nic::kTxHeadAddress:
      return read_value(data, tx_head_address_);
    case nic::kRxBase:
      return read_value(data, rx_.base);
    case nic::kRxEntries:
      return read_value(data, rx_.entries);
    case nic::kRxTail:
      return read_value(data, rx_.tail);
    case nic::kRxDataBase:
      return read_value(data, rx_data_.base);
    case nic::kRxDataEntries:
      return read_value(data, rx_data_.entries);
    case nic::kRxDataTail:
      return read_value(data, rx_data_.tail);
    case nic::kCause:
      return read_value(data, cause_);
    case nic::kEnable:
      return read_value(data, enabled_);
    case nic::kThrottle:
      return read_value(data, static_cast<std::uint32_t>(interval_ / Duration{1ns}));
    case nic::kMsiAddress:
      return read_value(data, msi_address_);
    case nic::kMsiData:
      return read_value(data, msi_data_);
    case nic::kMss:
      return read_value(data, static_cast<std::uint32_t>(params_.mss));
    default:
      return Response::address_error;
  }
}

Response Nic::write_register(std::uint64_t address, std::uint64_t value) {
  const auto word = static_cast<std::uint32_t>(value);
  const bool entries_ok = word >= 2 && word <= nic::kMaxEntries;
  switch (address) {
    case nic::kTxBase:
      tx_.base = value;
      break;
    case nic::kTxEntries:
      if (!entries_ok) return Response::generic_error;
      tx_.entries = word;
      break;
    case nic::kTxTail:
      return ring_doorbell(tx_, word);
    case nic::kTxHeadAddress:
      tx_head_address_ = value;
      break;
    case nic::kRxBase:
      rx_.base = value;
      break;
    case nic::kRxEntries:
      if (!entries_ok) return Response::generic_error;
      rx_.entries = word;
      break;
    case nic::kRxTail:
      return ring_doorbell(rx_, word);
    case nic::kRxDataBase:
      rx_data_.base = value;
      break;
    case nic::kRxDataEntries:
      if (!entries_ok) return Response::generic_error;
      rx_data_.entries = word;
      break;
    case nic::kRxDataTail:
      return ring_doorbell(rx_data_, word);
    case nic::kCause:
      cause_ &= ~word;
      break;
    case nic::kEnable:
      enabled_ = word;
      send_if_due();
      break;
    case nic::kThrottle:
      interval_ = word * Duration{1ns};
      break;
    case nic::kMsiAddress:
      msi_address_ = value;
      break;
    case nic::kMsiData:
      msi_data_ = word;
      break;
    case nic::kMss:
      return Response::command_error;
    default:
      return Response::address_error;
  }
  return Response::ok;
}

Response Nic::ring_doorbell(Ring& ring, std::uint32_t tail) {
  if (tail >= ring.entries) return Response::generic_error;
  if (tail == ring.tail) return Response::ok;
  ring.tail = tail;
  if (&ring == &tx_)
    fetch(tail);
  else
    new_buffers(ring, tail);
  return Response::ok;
}

void Nic::raise(std::uint32_t cause) {
  cause_ |= cause;
  send_if_due();
}

// The message masks all causes at once, though it may have to wait for the card's least interval.
void Nic::send_if_due() {
  if ((cause_ & enabled_) == 0) return;
  enabled_ = 0;
  const SimTime soonest = last_message_ ? *last_message_ + interval_ : SimTime{};
  last_message_ = std::max(timeline_.now(), soonest);
  send_with_faults(*last_message_ + params_.msi_flight);
}

// What the oracle may do to a message.
void Nic::send_with_faults(SimTime time) {
  enum : std::uint32_t { kNone, kLost, kLate, kTwice, kKinds };
  const std::uint32_t fault = timeline_.choices().choose(Choice::fault, kKinds, "nic.interrupt");
  if (fault == kLost) return;
  send_message(fault == kLate ? time + params_.late_interrupt : time);
  if (fault == kTwice) send_message(time);
}

Activity Nic::send_message(SimTime time) {
  co_await pause_until(timeline_, time);
  ++counters_.interrupts;
  co_await interrupts_.write32(msi_address_, msi_data_);
}

std::int64_t Nic::frames(std::int64_t payload) const {
  return std::max<std::int64_t>(1, (payload + params_.mss - 1) / params_.mss);
}

Duration Nic::wire_time(std::int64_t payload) const {
  return params_.link_rate.time_for(payload + frames(payload) * params_.frame_overhead);
}

void Nic::describe_stall(std::vector<StallLine>& lines) const {
  if (!received_.empty())
    lines.push_back({"nic", "receive buffers for " + std::to_string(received_.size()) + " frames"});
  if (!gathering_.pieces.empty()) lines.push_back({"nic", "the rest of a segment"});
}

}  // namespace iodrome::hw
