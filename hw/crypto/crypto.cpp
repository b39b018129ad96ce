// SPDX-License-Identifier: Apache-2.0
#include "hw/crypto/crypto.h"

#include <algorithm>
#include <string>

#include "hw/core/examined.h"
#include "hw/core/message_fault.h"
#include "hw/core/register_access.h"
#include "model/engine/aes.h"
#include "model/engine/check.h"
#include "model/engine/crc32c.h"
#include "model/engine/sha256.h"

namespace iodrome::hw {

using crypto::Operation;
using crypto::Status;

namespace {

bool ciphers(Operation operation) {
  return operation == Operation::aes_cbc_encrypt || operation == Operation::aes_cbc_decrypt;
}

Aes128::Block block_of(const std::uint8_t (&bytes)[16]) {
  Aes128::Block block;
  std::copy(std::begin(bytes), std::end(bytes), block.begin());
  return block;
}

}  // namespace

Crypto::Crypto(const CryptoParams& params, Timeline& timeline, Port& memory, Port& interrupts,
               bool payload_checked)
    : params_(examined(params)),
      timeline_(timeline),
      memory_(memory),
      interrupts_(interrupts),
      payload_checked_(payload_checked),
      engines_(static_cast<std::size_t>(params.engines)),
      queues_(static_cast<std::size_t>(params.queues)) {
  timeline.watch(*this);
}

// --- registers ----------------------------------------------------------------------------------

Response Crypto::access(Command command, std::uint64_t address, std::span<std::byte> data) {
  const std::uint64_t first = crypto::queue_base(0);
  if (address >= first) {
    const std::uint64_t index = (address - first) / first;
    if (index >= queues_.size()) return Response::address_error;
    return access_queue(queues_[index], command, (address - first) % first, data);
  }
  if (command == Command::write) return Response::command_error;
  switch (address) {
    case crypto::kQueues:
      return read_value(data, static_cast<std::uint32_t>(params_.queues));
    case crypto::kMaxBytes:
      return read_value(data, static_cast<std::uint32_t>(params_.max_bytes));
    default:
      return Response::address_error;
  }
}

Response Crypto::access_queue(Queue& queue, Command command, std::uint64_t offset,
                              std::span<std::byte> data) {
  if (command == Command::write) return write_queue(queue, offset, data);
  switch (offset) {
    case crypto::kRing:
      return read_value(data, queue.ring);
    case crypto::kEntries:
      return read_value(data, queue.entries);
    case crypto::kControl:
      return read_value(data, queue.control);
    case crypto::kTail:
      return read_value(data, queue.tail);
    case crypto::kMessageAddress:
      return read_value(data, queue.message_address);
    case crypto::kMessageData:
      return read_value(data, queue.message_data);
    default:
      return Response::address_error;
  }
}

Response Crypto::write_queue(Queue& queue, std::uint64_t offset, std::span<const std::byte> data) {
  switch (offset) {
    case crypto::kRing:
      return queue.control != 0 ? Response::generic_error : write_value(data, queue.ring);
    case crypto::kEntries:
      return queue.control != 0 ? Response::generic_error : write_value(data, queue.entries);
    case crypto::kControl: {
      const Response response = write_value(data, queue.control);
      if (response != Response::ok || queue.control != 0) return response;
      ++queue.epoch;
      queue.tail = queue.noticed = queue.done = 0;
      queue.running = false;
      return response;
    }
    case crypto::kTail: {
      if (queue.control == 0 || queue.entries == 0) return Response::generic_error;
      const Response response = write_value(data, queue.tail);
      if (response == Response::ok) notice(queue, queue.tail, queue.epoch);
      return response;
    }
    case crypto::kMessageAddress:
      return write_value(data, queue.message_address);
    case crypto::kMessageData:
      return write_value(data, queue.message_data);
    default:
      return Response::address_error;
  }
}

// --- descriptors --------------------------------------------------------------------------------

// Any number of tails may be on their way; under exploration one may overtake another.
Activity Crypto::notice(Queue& queue, std::uint32_t tail, std::uint32_t epoch) {
  co_await pause_for(timeline_, params_.doorbell_flight);
  if (queue.epoch != epoch) co_return;
  if (static_cast<std::int32_t>(tail - queue.noticed) > 0) queue.noticed = tail;
  if (!queue.running && queue.done != queue.noticed) run(queue, epoch);
}

Activity Crypto::run(Queue& queue, std::uint32_t epoch) {
  queue.running = true;
  while (queue.done != queue.noticed) {
    co_await pause_for(timeline_, params_.descriptor_fetch);
    if (queue.epoch != epoch) co_return;
    const PhysAddr at = queue.ring + sizeof(crypto::Descriptor) * (queue.done % queue.entries);
    crypto::Descriptor descriptor;
    Access fetch = memory_.read(at, std::as_writable_bytes(std::span{&descriptor, 1}));
    co_await fetch;
    if (queue.epoch != epoch) co_return;
    descriptor.status = Status::refused;
    if (legal(descriptor)) {
      const std::int64_t crossings = ciphers(descriptor.operation) ? 2 : 1;
      const Duration takes = service(descriptor);
      const SimTime end = engine(takes);
      co_await pause_until(timeline_, memory_.pass(timeline_.now(), {end - takes, end},
                                                   crossings * std::int64_t{descriptor.bytes}));
      if (queue.epoch != epoch) co_return;
      descriptor.status = co_await carry_out(descriptor);
      if (queue.epoch != epoch) co_return;
    }
    co_await pause_for(timeline_, params_.completion_write);
    if (queue.epoch != epoch) co_return;
    Access back = memory_.write(at, std::as_writable_bytes(std::span{&descriptor, 1}));
    co_await back;
    if (queue.epoch != epoch) co_return;
    ++queue.done;
    ++(descriptor.status == Status::done ? counters_.requests : counters_.errors);
    if (descriptor.interrupt != 0) send_message(queue);
  }
  queue.running = false;
}

bool Crypto::legal(const crypto::Descriptor& descriptor) const {
  if (descriptor.bytes > params_.max_bytes) return false;
  switch (descriptor.operation) {
    case Operation::aes_cbc_encrypt:
    case Operation::aes_cbc_decrypt:
      return descriptor.bytes != 0 && descriptor.bytes % Aes128::kBlock == 0;
    case Operation::sha256:
    case Operation::crc32c:
      return true;
  }
  return false;
}

Duration Crypto::service(const crypto::Descriptor& descriptor) const {
  const Rate rate = ciphers(descriptor.operation)               ? params_.cipher_rate
                    : descriptor.operation == Operation::sha256 ? params_.hash_rate
                                                                : params_.crc_rate;
  return params_.setup + rate.time_for(descriptor.bytes);
}

// The engine that is free first; of several, the first.
SimTime Crypto::engine(Duration service) {
  const auto free = std::min_element(
      engines_.begin(), engines_.end(),
      [](const FifoServer& a, const FifoServer& b) { return a.free_at() < b.free_at(); });
  return free->serve(timeline_.now(), service);
}

Task<Status> Crypto::carry_out(crypto::Descriptor& descriptor) {
  if (timeline_.choices().choose(Choice::fault, 2, "crypto.request") != 0) co_return Status::failed;
  counters_.bytes += descriptor.bytes;
  if (!payload_checked_) co_return Status::done;
  std::vector<std::byte> bytes(descriptor.bytes);
  if (!bytes.empty()) {
    Access read = memory_.read(descriptor.source, bytes);
    co_await read;
    if (read.response() != Response::ok) co_return Status::failed;
  }
  if (descriptor.operation == Operation::sha256) {
    const Digest digest = sha256(bytes);
    std::copy(digest.begin(), digest.end(), std::begin(descriptor.result));
    co_return Status::done;
  }
  if (descriptor.operation == Operation::crc32c) {
    const std::uint32_t crc = crc32c(0, bytes);
    std::memcpy(descriptor.result, &crc, sizeof crc);
    co_return Status::done;
  }
  const Aes128 cipher(block_of(descriptor.key));
  Aes128::Block iv = block_of(descriptor.iv);
  if (descriptor.operation == Operation::aes_cbc_encrypt)
    cbc_encrypt(cipher, iv, bytes);
  else
    cbc_decrypt(cipher, iv, bytes);
  Access write = memory_.write(descriptor.destination, bytes);
  co_await write;
  co_return write.response() == Response::ok ? Status::done : Status::failed;
}

// The oracle may lose it, or send it twice.
Activity Crypto::send_message(Queue& queue) {
  const int messages = messages_sent(timeline_, "crypto.message");
  for (int message = 0; message < messages; ++message) {
    co_await pause_for(timeline_, params_.msi_flight);
    ++counters_.interrupts;
    co_await interrupts_.write32(queue.message_address, queue.message_data);
  }
}

void Crypto::describe_stall(std::vector<StallLine>& lines) const {
  for (std::size_t i = 0; i < queues_.size(); ++i)
    if (queues_[i].running)
      lines.push_back({"crypto queue " + std::to_string(i), "a descriptor in progress"});
}

}  // namespace iodrome::hw
