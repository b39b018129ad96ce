// SPDX-License-Identifier: Apache-2.0
// The register window of the ADMA engine.
#include "hw/core/register_access.h"
#include "hw/dma/adma.h"

namespace iodrome::hw {

Response Adma::access(Command command, std::uint64_t address, std::span<std::byte> data) {
  const std::uint64_t first = adma::channel_base(0);
  if (address >= first) {
    const std::uint64_t index = (address - first) / first;
    if (index >= channels_.size()) return Response::address_error;
    return access_channel(channels_[index], command, (address - first) % first, data);
  }
  if (command == Command::write) return Response::command_error;
  switch (address) {
    case adma::kChannels:
      return read_value(data, static_cast<std::uint32_t>(params_.channels));
    case adma::kMaxTransfer:
      return read_value(data, static_cast<std::uint32_t>(params_.max_transfer));
    case adma::kMaxSources:
      return read_value(data, static_cast<std::uint32_t>(params_.max_sources));
    default:
      return Response::address_error;
  }
}

Response Adma::access_channel(Channel& channel, Command command, std::uint64_t offset,
                              std::span<std::byte> data) {
  if (command == Command::write) return write_channel(channel, offset, data);
  switch (offset) {
    case adma::kControl:
      return read_value(data, channel.control);
    case adma::kStatus:
      return read_value(data, channel.status | (channel.running ? adma::kStatusBusy : 0));
    case adma::kCurrent:
      return read_value(data, channel.current);
    case adma::kNext:
      return read_value(data, channel.next);
    case adma::kMessageAddress:
      return read_value(data, channel.message_address);
    case adma::kMessageData:
      return read_value(data, channel.message_data);
    default:
      return Response::address_error;
  }
}

Response Adma::write_channel(Channel& channel, std::uint64_t offset,
                             std::span<const std::byte> data) {
  switch (offset) {
    case adma::kControl: {
      std::uint32_t value = 0;
      const Response response = write_value(data, value);
      if (response == Response::ok) write_control(channel, value);
      return response;
    }
    case adma::kStatus: {
      std::uint32_t value = 0;
      const Response response = write_value(data, value);
      channel.status &= ~value;
      return response;
    }
    case adma::kNext:
      // A chain in progress cannot be moved.
      return channel.running ? Response::generic_error : write_value(data, channel.next);
    case adma::kMessageAddress:
      return write_value(data, channel.message_address);
    case adma::kMessageData:
      return write_value(data, channel.message_data);
    case adma::kCurrent:
      return Response::command_error;
    default:
      return Response::address_error;
  }
}

// Resume is the channel's to clear: a host that writes the register does not take it back.
void Adma::write_control(Channel& channel, std::uint32_t value) {
  if ((value & adma::kControlEnable) == 0) {
    ++channel.epoch;
    channel.control = 0;
    channel.current = channel.next = 0;
    channel.running = channel.halted = false;
    return;
  }
  notice(channel, value & (adma::kControlEnable | adma::kControlResume), channel.epoch);
}

}  // namespace iodrome::hw
