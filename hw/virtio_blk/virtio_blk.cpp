// SPDX-License-Identifier: Apache-2.0
#include "hw/virtio_blk/virtio_blk.h"

#include <algorithm>

#include "hw/core/examined.h"
#include "hw/core/register_access.h"

namespace iodrome::hw {

using virtio_blk::Descriptor;
using virtio_blk::RequestStatus;
using virtio_blk::RequestType;

namespace {

RequestType type_of(const virtio_blk::RequestHeader& header) {
  return static_cast<RequestType>(header.type);
}

}  // namespace

VirtioBlk::VirtioBlk(const VirtioBlkParams& params, Timeline& timeline, Port& memory,
                     Port& interrupts, Medium& medium)
    : params_(examined(params)),
      timeline_(timeline),
      memory_(memory),
      interrupts_(interrupts),
      medium_(medium) {
  timeline.watch(*this);
}

Response VirtioBlk::access(Command command, std::uint64_t address, std::span<std::byte> data) {
  return command == Command::read ? read_register(address, data) : write_register(address, data);
}

Response VirtioBlk::read_register(std::uint64_t address, std::span<std::byte> data) const {
  switch (address) {
    case virtio_blk::kMagic:
      return read_value(data, virtio_blk::kMagicValue);
    case virtio_blk::kDeviceId:
      return read_value(data, virtio_blk::kBlockDevice);
    case virtio_blk::kQueueNumMax:
      return read_value(data, static_cast<std::uint32_t>(params_.queue_entries));
    case virtio_blk::kQueueReady:
      return read_value(data, ready_);
    case virtio_blk::kStatus:
      return read_value(data, status_);
    case virtio_blk::kCapacity:
      return read_value(data, medium_.size_bytes() / 512);
    default:
      return Response::address_error;
  }
}

Response VirtioBlk::write_register(std::uint64_t address, std::span<const std::byte> data) {
  std::uint32_t word = 0;
  Response response = Response::ok;
  switch (address) {
    case virtio_blk::kQueueNum:
      response = write_value(data, word);
      if (response != Response::ok) return response;
      if (word < 2 || word > params_.queue_entries || (word & (word - 1)) != 0)
        return Response::generic_error;
      entries_ = word;
      return response;
    case virtio_blk::kQueueReady:
      return write_value(data, ready_);
    case virtio_blk::kQueueNotify:
      response = write_value(data, word);
      if (response != Response::ok) return response;
      if (ready_ == 0 || entries_ == 0 || (status_ & virtio_blk::kStatusDriverOk) == 0 || word != 0)
        return Response::generic_error;
      notified();
      return response;
    case virtio_blk::kStatus:
      response = write_value(data, status_);
      if (response == Response::ok && status_ == 0) {
        ready_ = 0;
        taken_ = posted_ = 0;
        in_flight_ = 0;
        working_ = false;
        ++generation_;
      }
      return response;
    case virtio_blk::kQueueDesc:
      return write_value(data, desc_);
    case virtio_blk::kQueueAvail:
      return write_value(data, avail_);
    case virtio_blk::kQueueUsed:
      return write_value(data, used_);
    case virtio_blk::kMsiAddress:
      return write_value(data, msi_address_);
    case virtio_blk::kMsiData:
      return write_value(data, msi_data_);
    default:
      return Response::address_error;
  }
}

Task<std::uint16_t> VirtioBlk::read_word(std::uint64_t address) {
  std::uint16_t value = 0;
  Access access = memory_.read(address, std::as_writable_bytes(std::span{&value, 1}));
  co_await access;
  co_return value;
}

Task<void> VirtioBlk::write_word(std::uint64_t address, std::uint16_t value) {
  Access access = memory_.write(address, std::as_writable_bytes(std::span{&value, 1}));
  co_await access;
}

// The host's thread: takes requests one at a time until none has come for a while, then asks to be
// told of the next one. Until then the driver sees no need for a doorbell.
Activity VirtioBlk::notified() {
  ++counters_.notifications;
  const std::uint32_t generation = generation_;
  if (timeline_.choices().choose(Choice::fault, 2, "virtio_blk.notify") != 0) co_return;
  co_await pause_for(timeline_, params_.notify_latency);
  if (working_ || generation != generation_) co_return;
  working_ = true;
  for (;;) {
    Request request;
    request.generation = generation;
    const bool taken = co_await take(request);
    if (generation != generation_) co_return;
    if (!taken) break;
    ++in_flight_;
    co_await pause_for(timeline_, params_.host_work);
    if (generation != generation_) co_return;
    finish(std::move(request));
  }
  working_ = false;
}

// The available index, looked at until it tells of a request or the time for that is over.
Task<std::uint16_t> VirtioBlk::poll() {
  const SimTime end = timeline_.now() + params_.poll;
  const std::uint32_t generation = generation_;
  for (;;) {
    const std::uint16_t index = co_await read_word(virtio_blk::avail_index(avail_));
    if (index != taken_ || generation != generation_) co_return index;
    if (params_.poll == ps(0) || timeline_.now() + params_.poll_interval > end) co_return index;
    co_await pause_for(timeline_, params_.poll_interval);
  }
}

Task<bool> VirtioBlk::take(Request& request) {
  std::uint16_t index = co_await poll();
  if (request.generation != generation_) co_return false;
  if (index == taken_) {
    // The index is read again after the event is set: a request in between brought no doorbell.
    co_await write_word(virtio_blk::avail_event(used_, entries_), taken_);
    index = co_await read_word(virtio_blk::avail_index(avail_));
    if (index == taken_) co_return false;
  }
  request.head = co_await read_word(virtio_blk::avail_entry(avail_, taken_ % entries_));
  if (request.generation != generation_) co_return false;
  ++taken_;
  const bool whole = co_await read_chain(request);
  request.malformed = !whole;
  co_return true;
}

// Header first, status byte last, data between them; the whole may stand in an indirect table.
Task<bool> VirtioBlk::read_chain(Request& request) {
  std::uint64_t table = desc_;
  std::uint32_t size = entries_;
  std::uint32_t next = request.head;
  std::vector<Descriptor> chain;
  for (bool more = true; more;) {
    if (next >= size || chain.size() >= 32768) co_return false;
    Descriptor descriptor;
    Access access = memory_.read(table + sizeof descriptor * next,
                                 std::as_writable_bytes(std::span{&descriptor, 1}));
    co_await access;
    if (access.response() != Response::ok) co_return false;
    if ((descriptor.flags & virtio_blk::kDescIndirect) != 0) {
      if (table != desc_) co_return false;
      table = descriptor.address;
      size = descriptor.bytes / sizeof descriptor;
      next = 0;
      continue;
    }
    chain.push_back(descriptor);
    more = (descriptor.flags & virtio_blk::kDescNext) != 0;
    next = descriptor.next;
  }
  if (chain.size() < 2 || (chain.back().flags & virtio_blk::kDescWrite) == 0) co_return false;
  request.status_address = chain.back().address;
  if (chain.front().bytes != sizeof request.header) co_return false;
  Access access =
      memory_.read(chain.front().address, std::as_writable_bytes(std::span{&request.header, 1}));
  co_await access;
  request.data.assign(chain.begin() + 1, chain.end() - 1);
  co_return access.response() == Response::ok;
}

Activity VirtioBlk::finish(Request request) {
  const bool flush = type_of(request.header) == RequestType::flush;
  co_await pause_for(timeline_, flush ? params_.backend_flush : params_.backend_latency);
  if (request.generation != generation_) co_return;
  RequestStatus status = RequestStatus::io_error;
  if (!request.malformed && timeline_.choices().choose(Choice::fault, 2, "virtio_blk.request") == 0)
    status = co_await perform(request);
  if (status != RequestStatus::ok) ++counters_.errors;
  --in_flight_;
  if (request.status_address == 0) co_return;
  Access access =
      memory_.write(request.status_address, std::as_writable_bytes(std::span{&status, 1}));
  co_await access;
  co_await post(request.head, status == RequestStatus::ok ? written_by(request) : 1);
}

Task<RequestStatus> VirtioBlk::perform(const Request& request) {
  std::uint64_t bytes = 0;
  for (const Descriptor& piece : request.data) bytes += piece.bytes;
  switch (type_of(request.header)) {
    case RequestType::flush:
      ++counters_.flushes;
      co_return RequestStatus::ok;
    case RequestType::discard: {
      const RequestStatus status = co_await discard(request);
      co_return status;
    }
    case RequestType::in:
    case RequestType::out:
      break;
    default:
      co_return RequestStatus::unsupported;
  }
  const std::uint64_t sectors = medium_.size_bytes() / 512;
  if (bytes % 512 != 0 || bytes > static_cast<std::uint64_t>(params_.max_transfer) ||
      request.header.sector > sectors || bytes / 512 > sectors - request.header.sector)
    co_return RequestStatus::io_error;
  const bool to_host = type_of(request.header) == RequestType::in;
  if (medium_.payload_checked()) {
    const bool moved = co_await move(request, to_host);
    if (!moved) co_return RequestStatus::io_error;
  }
  ++(to_host ? counters_.reads : counters_.writes);
  (to_host ? counters_.bytes_to_host : counters_.bytes_from_host) += bytes;
  co_return RequestStatus::ok;
}

Task<RequestStatus> VirtioBlk::discard(const Request& request) {
  virtio_blk::DiscardRange range;
  if (request.data.size() != 1 || request.data[0].bytes != sizeof range)
    co_return RequestStatus::unsupported;
  Access access =
      memory_.read(request.data[0].address, std::as_writable_bytes(std::span{&range, 1}));
  co_await access;
  const std::uint64_t sectors = medium_.size_bytes() / 512;
  if (access.response() != Response::ok || range.sector > sectors ||
      range.sectors > sectors - range.sector)
    co_return RequestStatus::io_error;
  const std::vector<std::byte> zeros(512);
  for (std::uint64_t i = 0; medium_.payload_checked() && i < range.sectors; ++i)
    medium_.write((range.sector + i) * 512, zeros);
  ++counters_.discards;
  co_return RequestStatus::ok;
}

Task<bool> VirtioBlk::move(const Request& request, bool to_host) {
  std::uint64_t byte = request.header.sector * 512;
  for (const Descriptor& piece : request.data) {
    if (((piece.flags & virtio_blk::kDescWrite) != 0) != to_host) co_return false;
    std::vector<std::byte> bytes(piece.bytes);
    if (to_host) medium_.read(byte, bytes);
    Access access =
        to_host ? memory_.write(piece.address, bytes) : memory_.read(piece.address, bytes);
    co_await access;
    if (access.response() != Response::ok) co_return false;
    if (!to_host) medium_.write(byte, bytes);
    byte += piece.bytes;
  }
  co_return true;
}

std::uint32_t VirtioBlk::written_by(const Request& request) const {
  std::uint32_t written = 1;  // the status byte
  if (type_of(request.header) == RequestType::in)
    for (const Descriptor& piece : request.data) written += piece.bytes;
  return written;
}

Task<void> VirtioBlk::post(std::uint16_t head, std::uint32_t written) {
  const std::uint16_t before = posted_++;
  const std::uint16_t now = posted_;
  virtio_blk::UsedEntry entry{head, written};
  Access access = memory_.write(virtio_blk::used_entry(used_, before % entries_),
                                std::as_writable_bytes(std::span{&entry, 1}));
  co_await access;
  co_await write_word(virtio_blk::used_index(used_), now);
  const std::uint16_t event = co_await read_word(virtio_blk::used_event(avail_, entries_));
  if (virtio_blk::need_event(event, now, before)) interrupt();
}

void VirtioBlk::interrupt() {
  enum : std::uint32_t { kNone, kLost, kLate, kTwice, kKinds };
  const std::uint32_t fault =
      timeline_.choices().choose(Choice::fault, kKinds, "virtio_blk.interrupt");
  if (fault == kLost) return;
  send_message(fault == kLate ? params_.late_interrupt : params_.interrupt_latency);
  if (fault == kTwice) send_message(params_.interrupt_latency);
}

Activity VirtioBlk::send_message(Duration later) {
  co_await pause_for(timeline_, later);
  ++counters_.interrupts;
  co_await interrupts_.write32(msi_address_, msi_data_);
}

void VirtioBlk::describe_stall(std::vector<StallLine>& lines) const {
  if (in_flight_ != 0)
    lines.push_back({"virtio_blk", std::to_string(in_flight_) + " requests in flight"});
}

}  // namespace iodrome::hw
