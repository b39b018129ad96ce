// SPDX-License-Identifier: Apache-2.0
// The register window of the data streaming accelerator, and its portals.
#include <algorithm>
#include <cstring>

#include "hw/core/register_access.h"
#include "hw/dma/dsa.h"

namespace iodrome::hw {

Response Dsa::access(Command command, std::uint64_t address, std::span<std::byte> data) {
  if (address >= dsa::portal(0)) {
    if (command == Command::read) return Response::command_error;
    return submit(address - dsa::portal(0), data);
  }
  if (address >= dsa::message_entry(0))
    return access_vector(command, address - dsa::message_entry(0), data);
  return command == Command::read ? read_register(address, data) : write_register(address, data);
}

Response Dsa::read_register(std::uint64_t address, std::span<std::byte> data) const {
  switch (address) {
    case dsa::kWorkQueues:
      return read_value(data, static_cast<std::uint32_t>(params_.work_queues));
    case dsa::kEngines:
      return read_value(data, static_cast<std::uint32_t>(params_.engines));
    case dsa::kEntries:
      return read_value(data, static_cast<std::uint32_t>(params_.entries));
    case dsa::kMaxBatch:
      return read_value(data, static_cast<std::uint32_t>(params_.max_batch));
    case dsa::kMaxTransfer:
      return read_value(data, static_cast<std::uint32_t>(params_.max_transfer));
    case dsa::kControl:
      return read_value(data, std::uint32_t{enabled_ ? 1u : 0u});
    case dsa::kSoftwareError:
      return read_value(data, software_error_);
    default:
      break;
  }
  const std::uint64_t queue = (address - dsa::queue_config(0)) / 4;
  if (address >= dsa::queue_config(0) && queue < queues_.size())
    return read_value(data, queues_[queue].config);
  const std::uint64_t engine = (address - dsa::engine_config(0)) / 4;
  if (address >= dsa::engine_config(0) && engine < engines_.size())
    return read_value(data, engines_[engine].group);
  return Response::address_error;
}

Response Dsa::write_register(std::uint64_t address, std::span<const std::byte> data) {
  std::uint32_t value = 0;
  const Response response = write_value(data, value);
  if (response != Response::ok) return response;
  if (address == dsa::kControl) {
    write_control(value);
    return Response::ok;
  }
  if (address == dsa::kSoftwareError) {
    software_error_ &= ~value;
    return Response::ok;
  }
  return configure(address, value);
}

std::uint32_t Dsa::entries_given() const {
  std::uint32_t sum = 0;
  for (const Queue& queue : queues_) sum += queue.size();
  return sum;
}

Response Dsa::configure(std::uint64_t address, std::uint32_t value) {
  const std::uint64_t engine = (address - dsa::engine_config(0)) / 4;
  if (address >= dsa::engine_config(0) && engine < engines_.size()) {
    if (enabled_ || value >= groups_.size()) return Response::generic_error;
    engines_[engine].group = value;
    return Response::ok;
  }
  const std::uint64_t index = (address - dsa::queue_config(0)) / 4;
  if (address < dsa::queue_config(0) || index >= queues_.size()) return Response::address_error;
  Queue& queue = queues_[index];
  const Queue wanted{value, 0};
  const std::uint32_t others = entries_given() - queue.size();
  const bool fits = others + wanted.size() <= params_.entries;
  if (enabled_ || !fits || wanted.group() >= groups_.size() || wanted.threshold() > wanted.size())
    return Response::generic_error;
  queue = wanted;
  return Response::ok;
}

void Dsa::write_control(std::uint32_t value) {
  const bool enable = (value & 1) != 0;
  if (enabled_ && !enable) {
    ++epoch_;
    for (Group& group : groups_) {
      // Batches whose descriptors are dropped here must still come to their end.
      const std::deque<Work> dropped = std::exchange(group.pending, {});
      for (const Work& work : dropped) {
        if (work.batch == nullptr || --work.batch->outstanding > 0) continue;
        if (const auto waiter = std::exchange(work.batch->waiter, {})) waiter.resume();
      }
    }
    for (Queue& queue : queues_) queue.used = 0;
  }
  enabled_ = enable;
}

// Room is what the queue has now; the descriptor arrives later.
Response Dsa::submit(std::uint64_t offset, std::span<const std::byte> data) {
  if (data.size() != sizeof(dsa::Descriptor)) return Response::command_error;
  const std::uint64_t index = offset / 0x2000;
  if (index >= queues_.size()) return Response::address_error;
  Queue& queue = queues_[index];
  const bool limited = (offset & 0x1000) != 0;
  const bool room =
      enabled_ && queue.used < (limited && !queue.dedicated() ? queue.threshold() : queue.size());
  if (!room && !queue.dedicated()) {
    ++counters_.retries;
    return Response::generic_error;
  }
  if (!room) {
    ++counters_.dropped;
    software_error_ |= 1;
    return Response::ok;
  }
  ++queue.used;
  Work work;
  std::memcpy(&work.descriptor, data.data(), data.size());
  work.queue = static_cast<std::uint32_t>(index);
  work.epoch = epoch_;
  arrive(work);
  return Response::ok;
}

Response Dsa::access_vector(Command command, std::uint64_t offset, std::span<std::byte> data) {
  if (offset / 16 >= vectors_.size()) return Response::address_error;
  Vector& vector = vectors_[offset / 16];
  const bool reading = command == Command::read;
  switch (offset % 16) {
    case 0:
      return reading ? read_value(data, vector.address) : write_value(data, vector.address);
    case dsa::kMessageData:
      return reading ? read_value(data, vector.data) : write_value(data, vector.data);
    default:
      return Response::address_error;
  }
}

}  // namespace iodrome::hw
