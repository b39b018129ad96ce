// SPDX-License-Identifier: Apache-2.0
// The register window of the I/OAT engine.
#include <bit>

#include "hw/core/register_access.h"
#include "hw/dma/ioat.h"

namespace iodrome::hw {

Response Ioat::access(Command command, std::uint64_t address, std::span<std::byte> data) {
  if (address >= ioat::kMsixTable) return access_vector(command, address - ioat::kMsixTable, data);
  const std::uint64_t first = ioat::channel_base(0);
  if (address < first) return access_general(command, address, data);
  const std::uint64_t index = (address - first) / first;
  if (index >= channels_.size()) return Response::address_error;
  Channel& channel = channels_[index];
  return access_channel(channel, command, (address - first) % first, data);
}

Response Ioat::access_general(Command command, std::uint64_t address, std::span<std::byte> data) {
  if (address == ioat::kIntrDelay && command == Command::write) {
    const Response response = write_value(data, interrupt_delay_);
    interrupt_delay_ &= ioat::kIntrDelayMask;
    return response;
  }
  if (command == Command::write) return Response::command_error;
  switch (address) {
    case ioat::kChanCnt:
      return read_value(data, static_cast<std::uint8_t>(params_.channels));
    case ioat::kXferCap: {
      const int shift = std::countr_zero(static_cast<std::uint64_t>(params_.max_transfer));
      return read_value(data, static_cast<std::uint8_t>(shift));
    }
    case ioat::kVer:
      return read_value(data, ioat::kVersion20);
    case ioat::kIntrDelay:
      return read_value(data, interrupt_delay_);
    default:
      return Response::address_error;
  }
}

Response Ioat::access_channel(Channel& channel, Command command, std::uint64_t offset,
                              std::span<std::byte> data) {
  if (command == Command::write) return write_channel(channel, offset, data);
  switch (offset) {
    case ioat::kChanCtrl:
      return read_value(data, channel.control);
    case ioat::kDmaCount:
      return read_value(data, channel.count);
    case ioat::kChanSts:
      return read_value(data, status(channel));
    case ioat::kChainAddr:
      return read_value(data, channel.next);
    case ioat::kChanCmp:
      return read_value(data, channel.completion);
    case ioat::kChanErr:
      return read_value(data, channel.error);
    default:
      return Response::address_error;
  }
}

Response Ioat::write_channel(Channel& channel, std::uint64_t offset,
                             std::span<const std::byte> data) {
  switch (offset) {
    case ioat::kChanCtrl:
      return write_value(data, channel.control);
    case ioat::kChanCmd: {
      std::uint8_t value = 0;
      const Response response = write_value(data, value);
      if (response == Response::ok && (value & ioat::kCmdReset) != 0) reset(channel);
      return response;
    }
    case ioat::kDmaCount: {
      const Response response = write_value(data, channel.count);
      if (response == Response::ok) notice(channel, channel.count, channel.epoch);
      return response;
    }
    case ioat::kChainAddr:
      // A chain in progress cannot be moved.
      return channel.running ? Response::generic_error : write_value(data, channel.next);
    case ioat::kChanCmp:
      return write_value(data, channel.completion);
    case ioat::kChanErr: {
      std::uint32_t value = 0;
      const Response response = write_value(data, value);
      channel.error &= ~value;
      return response;
    }
    case ioat::kChanSts:
      return Response::command_error;
    default:
      return Response::address_error;
  }
}

void Ioat::reset(Channel& channel) {
  ++channel.epoch;
  channel.count = channel.noticed = channel.done = 0;
  channel.last = 0;
  channel.running = channel.halted = false;
}

std::uint64_t Ioat::status(const Channel& channel) const {
  ioat::State state = ioat::State::active;
  if (channel.halted)
    state = ioat::State::halted;
  else if (channel.done == channel.noticed)
    state = ioat::State::idle;
  return channel.last | static_cast<std::uint64_t>(state);
}

Response Ioat::access_vector(Command command, std::uint64_t offset, std::span<std::byte> data) {
  const std::uint64_t index = offset / 16;
  if (index >= channels_.size()) return Response::address_error;
  Channel& channel = channels_[index];
  const bool reading = command == Command::read;
  switch (offset % 16) {
    case 0:
      return reading ? read_value(data, channel.message_address)
                     : write_value(data, channel.message_address);
    case ioat::kMsixData:
      return reading ? read_value(data, channel.message_data)
                     : write_value(data, channel.message_data);
    default:
      return Response::address_error;
  }
}

}  // namespace iodrome::hw
