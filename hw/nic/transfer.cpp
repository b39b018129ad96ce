// SPDX-License-Identifier: Apache-2.0
// Sending and receiving.
#include <algorithm>

#include "hw/nic/nic.h"

namespace iodrome::hw {

Activity Nic::fetch(std::uint32_t tail) {
  const std::uint64_t number = ++tx_.doorbells;
  co_await pause_for(timeline_, params_.doorbell_flight + params_.descriptor_fetch);
  tx_.notice(number, tail);
  if (tx_.busy) co_return;
  tx_.busy = true;
  while (tx_.head != tx_.known_tail) {
    nic::TxDescriptor piece;
    Access access = memory_.read(tx_.base + sizeof piece * tx_.head,
                                 std::as_writable_bytes(std::span{&piece, 1}));
    co_await access;
    tx_.head = tx_.next(tx_.head);
    if (!gathering_.pieces.empty()) gathering_.bytes += piece.length;
    gathering_.pieces.push_back(piece);
    if ((piece.flags & nic::kTxEop) == 0) continue;
    gathering_.end = tx_.head;
    Segment segment = std::exchange(gathering_, {});
    const bool good = co_await read_header(segment);
    if (good) {
      transmit(std::move(segment));
    } else {
      ++counters_.malformed;
      write_head(segment.end, std::max(timeline_.now(), last_sent_));
      raise(nic::kCauseMalformed);
    }
  }
  tx_.busy = false;
}

Task<bool> Nic::read_header(Segment& segment) {
  const nic::TxDescriptor& first = segment.pieces.front();
  if (first.length != nic::kSegmentHeaderBytes) co_return false;
  Access access =
      memory_.read(first.address, std::as_writable_bytes(std::span{&segment.header, 1}));
  co_await access;
  const bool cut = (first.flags & nic::kTxTso) != 0;
  const std::uint64_t limit = cut ? nic::kMaxPayload : static_cast<std::uint64_t>(params_.mss);
  co_return access.response() == Response::ok&& segment.bytes ==
      segment.header.payload_bytes&& segment.bytes <= limit;
}

// Order is that of the ring at every station, whatever memory does, so all times are known when the
// segment is taken. The wire starts with the first frame while later ones are still read.
Activity Nic::transmit(Segment segment) {
  const std::int64_t payload = segment.header.payload_bytes;
  const SimTime now = timeline_.now();
  const Stretch taken = host_bus_.take(now, payload);
  const SimTime read = last_read_ = std::max(last_read_, memory_.pass(now, taken, payload));
  const SimTime first_frame =
      taken.from + params_.host_rate.time_for(std::min(payload, params_.mss));
  const SimTime sent = std::max(wire_out_.serve(first_frame, wire_time(payload)), read);
  last_sent_ = sent;
  write_head(segment.end, sent);
  ++counters_.segments_sent;
  counters_.payload_bytes_sent += segment.bytes;
  counters_.frames_sent += static_cast<std::uint64_t>(frames(payload));
  counters_.wire_bytes_sent +=
      static_cast<std::uint64_t>(payload + frames(payload) * params_.frame_overhead);
  std::uint32_t wrong = 0;
  if (peer_.payload_checked()) {
    co_await pause_until(timeline_, read);
    wrong = co_await inspect(segment);
  }
  co_await pause_until(timeline_, sent + params_.propagation);
  if (timeline_.choices().choose(Choice::fault, 2, "nic.drop") != 0) {
    ++counters_.dropped;
    co_return;
  }
  peer_.arrive(segment.header, wrong);
}

Task<std::uint32_t> Nic::inspect(const Segment& segment) {
  std::uint32_t wrong = 0;
  std::uint64_t offset = segment.header.stream_offset;
  for (std::size_t i = 1; i < segment.pieces.size(); ++i) {
    const nic::TxDescriptor& piece = segment.pieces[i];
    if (piece.length == 0) continue;
    std::vector<std::byte> staging(piece.length);
    std::span<const std::byte> bytes = memory_.view(piece.address, staging);
    bool readable = true;
    if (bytes.empty()) {
      bytes = staging;
      Access access = memory_.read(piece.address, staging);
      co_await access;
      readable = access.response() == Response::ok;
    }
    if (!readable || !peer_.inspect(segment.header.connection, offset, bytes))
      wrong += piece.length;
    offset += piece.length;
  }
  co_return wrong;
}

Activity Nic::write_head(std::uint32_t head, SimTime sent) {
  co_await pause_until(timeline_, sent + params_.host_write);
  if (tx_head_address_ != 0)
    co_await memory_.write(tx_head_address_, std::as_writable_bytes(std::span{&head, 1}));
  raise(nic::kCauseTransmitted);
}

Activity Nic::new_buffers(Ring& ring, std::uint32_t tail) {
  const std::uint64_t number = ++ring.doorbells;
  if (received_.empty() && !rx_.busy) {
    ring.notice(number, tail);  // nobody waits, so nobody can tell when the card noticed
    co_return;
  }
  co_await pause_for(timeline_, params_.doorbell_flight);
  ring.notice(number, tail);
  if (!rx_.busy) receive();
}

void Nic::transmit_to_card(const nic::SegmentHeader& frame) {
  const std::int64_t payload = frame.payload_bytes;
  const SimTime here = wire_in_.serve(timeline_.now(), wire_time(payload)) + params_.propagation;
  const SimTime taken =
      payload == 0 ? here
                   : memory_.pass(timeline_.now(), host_bus_in_.take(here, payload), payload);
  last_in_ = std::max(last_in_, taken);  // an empty frame does not overtake
  carry_in(frame, last_in_ + params_.host_write);
}

std::uint32_t Nic::frame_payload() const {
  return static_cast<std::uint32_t>(std::min<std::int64_t>(params_.mss, nic::kRxDataBytes));
}

Activity Nic::carry_in(nic::SegmentHeader frame, SimTime arrival) {
  co_await pause_until(timeline_, arrival);
  ++counters_.frames_received;
  received_.push_back(frame);
  if (!rx_.busy) receive();
}

bool Nic::buffers_for(const nic::SegmentHeader& frame) const {
  return rx_.head != rx_.known_tail &&
         (frame.payload_bytes == 0 || rx_data_.head != rx_data_.known_tail);
}

Task<void> Nic::write_payload(nic::SegmentHeader frame) {
  const PhysAddr place = rx_data_.base + sizeof(nic::RxDataDescriptor) * rx_data_.head;
  rx_data_.head = rx_data_.next(rx_data_.head);
  counters_.payload_bytes_received += frame.payload_bytes;
  nic::RxDataDescriptor buffer;
  co_await memory_.read(place, std::as_writable_bytes(std::span{&buffer, 1}));
  if (!peer_.payload_checked()) co_return;
  std::vector<std::byte> bytes(frame.payload_bytes);
  peer_.produce(frame.connection, frame.stream_offset, bytes);
  co_await memory_.write(buffer.address, bytes);
}

// Fills buffers until frames or buffers run out.
Activity Nic::receive() {
  rx_.busy = true;
  while (!received_.empty() && buffers_for(received_.front())) {
    nic::SegmentHeader frame = received_.front();
    received_.pop_front();
    const PhysAddr place = rx_.base + sizeof(nic::RxDescriptor) * rx_.head;
    rx_.head = rx_.next(rx_.head);
    nic::RxDescriptor descriptor;
    const std::span<std::byte> bytes = std::as_writable_bytes(std::span{&descriptor, 1});
    co_await memory_.read(place, bytes);
    co_await memory_.write(descriptor.address, std::as_writable_bytes(std::span{&frame, 1}));
    if (frame.payload_bytes != 0) co_await write_payload(frame);
    descriptor.length = nic::kSegmentHeaderBytes + frame.payload_bytes;
    descriptor.flags = nic::kRxDone;
    co_await memory_.write(place, bytes);
    raise(nic::kCauseReceived);
  }
  rx_.busy = false;
}

}  // namespace iodrome::hw
