// SPDX-License-Identifier: Apache-2.0
#include "hw/nic/client.h"

#include <algorithm>

#include "model/engine/check.h"

namespace iodrome::hw {

RemoteClients::RemoteClients(const ClientParams& params, Timeline& timeline, ByteCheck* check)
    : params_(params), timeline_(timeline), check_(check) {
  ParameterProblems problems;
  params.examine(problems);
  if (!problems.empty()) fail_check(problems.lines()[0].c_str());
}

RemoteClients::Client& RemoteClients::client(std::uint32_t connection) {
  check(connection < (1u << 24), "connection number past any table");
  while (clients_.size() <= connection) clients_.push_back({{}, params_.drain_rate, {}});
  return clients_[connection];
}

bool RemoteClients::inspect(std::uint32_t connection, std::uint64_t stream_offset,
                            std::span<const std::byte> payload) {
  return check_ == nullptr || check_->matches(connection, stream_offset, payload);
}

void RemoteClients::produce(std::uint32_t connection, std::uint64_t stream_offset,
                            std::span<std::byte> to) {
  check(source_ != nullptr, "clients send, and nobody says what");
  source_->produce(connection, stream_offset, to);
}

// --- sending ------------------------------------------------------------------------------------

void RemoteClients::open_window(std::uint32_t connection, std::uint64_t window_end) {
  ClientState& sender = client(connection).seen;
  sender.window_end = std::max(sender.window_end, window_end);
  push(connection);
}

void RemoteClients::send(std::uint32_t connection, std::uint64_t bytes) {
  client(connection).seen.asked += bytes;
  push(connection);
}

void RemoteClients::push(std::uint32_t connection) {
  ClientState& sender = clients_[connection].seen;
  for (std::uint64_t end = std::min(sender.asked, sender.window_end); sender.sent < end;) {
    check(card_ != nullptr, "clients without a card");
    nic::SegmentHeader frame;
    frame.connection = connection;
    frame.payload_bytes = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(end - sender.sent, card_->frame_payload()));
    frame.stream_offset = sender.sent;
    frame.acknowledged = sender.drained;
    sender.sent += frame.payload_bytes;
    card_->transmit_to_card(frame);
  }
}

// --- receiving ----------------------------------------------------------------------------------

void RemoteClients::arrive(const nic::SegmentHeader& segment, std::uint32_t wrong_bytes) {
  Client& receiver = client(segment.connection);
  receiver.seen.acknowledged = std::max(receiver.seen.acknowledged, segment.acknowledged);
  open_window(segment.connection, segment.window_end);
  if (segment.payload_bytes == 0) return;
  if (segment.stream_offset != receiver.seen.received) {
    // What cannot be used is dropped, and the sender told again how far the stream has come.
    receiver.seen.out_of_order += segment.payload_bytes;
    drain(segment.connection, receiver.seen.received, receiver.drain.free_at());
    return;
  }
  receiver.seen.received += segment.payload_bytes;
  receiver.seen.wrong += wrong_bytes;
  const SimTime drained =
      receiver.drain.serve(timeline_.now(), receiver.drain_rate.time_for(segment.payload_bytes));
  drain(segment.connection, receiver.seen.received, drained);
}

Activity RemoteClients::drain(std::uint32_t connection, std::uint64_t end, SimTime time) {
  co_await pause_until(timeline_, time);
  clients_[connection].seen.drained = end;
  if (told_) told_(connection, end);
  if (params_.ack_delay != ps(0)) co_await pause_for(timeline_, params_.ack_delay);
  acknowledge(connection, end);
}

void RemoteClients::acknowledge(std::uint32_t connection, std::uint64_t end) {
  check(card_ != nullptr, "clients without a card");
  nic::SegmentHeader frame;
  frame.connection = connection;
  frame.stream_offset = end;
  card_->transmit_to_card(frame);
}

ClientState RemoteClients::state(std::uint32_t connection) const {
  return connection < clients_.size() ? clients_[connection].seen : ClientState{};
}

ClientState RemoteClients::total() const {
  ClientState sum;
  for (const Client& one : clients_) {
    sum.received += one.seen.received;
    sum.wrong += one.seen.wrong;
    sum.out_of_order += one.seen.out_of_order;
    sum.drained += one.seen.drained;
    sum.asked += one.seen.asked;
    sum.sent += one.seen.sent;
    sum.acknowledged += one.seen.acknowledged;
  }
  return sum;
}

}  // namespace iodrome::hw
