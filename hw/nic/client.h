// SPDX-License-Identifier: Apache-2.0
// The remote clients: each takes what arrives on its connection, checks it, drains it and
// acknowledges it.
#pragma once
#include <functional>
#include <vector>

#include "hw/core/activity.h"
#include "hw/core/fifo.h"
#include "hw/nic/link.h"
#include "hw/nic/params.h"

namespace iodrome::hw {

/// Says what the bytes of a connection ought to be.
class ByteCheck {
 public:
  virtual ~ByteCheck() = default;
  /// Whether every byte of the span is the one that belongs at its offset of the connection's
  /// stream.
  virtual bool matches(std::uint32_t connection, std::uint64_t stream_offset,
                       std::span<const std::byte> bytes) = 0;
};

/// Says what the clients send.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Writes the bytes of a client's stream from `stream_offset` on: the same at any time.
  virtual void produce(std::uint32_t connection, std::uint64_t stream_offset,
                       std::span<std::byte> to) = 0;
};

/// What one client has seen.
struct ClientState {
  std::uint64_t received = 0;  // bytes of its stream, in order, right or wrong
  std::uint64_t wrong = 0;     // of these: in a piece that was not what was to be sent
  std::uint64_t out_of_order =
      0;  // bytes dropped because something before them is missing, or seen before
  std::uint64_t drained = 0;       // taken by the application: what is acknowledged
  std::uint64_t asked = 0;         // bytes that it was asked to send
  std::uint64_t sent = 0;          // of these: put on the wire
  std::uint64_t acknowledged = 0;  // of these: arrived
  std::uint64_t window_end = 0;    // how far it may send
};

/// All clients of one link.
///
/// Order: a client drains first come, first served. An acknowledgement says how far it has drained,
/// so a slow client holds the sender's buffer: window and acknowledgement are one. What a client
/// sends leaves at once, frame by frame, as far as the host's window reaches.
class RemoteClients final : public NetworkPeer {
 public:
  /// `check` may be nullptr: then no byte is looked at. It must outlive the clients.
  RemoteClients(const ClientParams& params, Timeline& timeline, ByteCheck* check);

  /// The card that carries acknowledgements back; before the first segment arrives.
  void attach(NetworkCard& card) { card_ = &card; }
  /// Gives one client its own rate.
  void set_drain_rate(std::uint32_t connection, Rate rate) { client(connection).drain_rate = rate; }
  /// Told whenever a client has drained: connection, bytes of its stream taken so far.
  void when_drained(std::function<void(std::uint32_t, std::uint64_t)> told) {
    told_ = std::move(told);
  }

  /// Who says what clients send; it must outlive them. Before send(), where payload is checked.
  void send_from(ByteSource& source) { source_ = &source; }
  /// What the handshake has told the client: how far it may send.
  void open_window(std::uint32_t connection, std::uint64_t window_end);
  /// The client sends that many more bytes of its stream. Nothing is sent unless it is asked.
  void send(std::uint32_t connection, std::uint64_t bytes);

  bool payload_checked() const override { return check_ != nullptr; }
  bool inspect(std::uint32_t connection, std::uint64_t stream_offset,
               std::span<const std::byte> payload) override;
  void produce(std::uint32_t connection, std::uint64_t stream_offset,
               std::span<std::byte> to) override;
  void arrive(const nic::SegmentHeader& segment, std::uint32_t wrong_bytes) override;

  /// Zeros for a connection on which nothing has arrived.
  ClientState state(std::uint32_t connection) const;
  /// The sum over all connections.
  ClientState total() const;
  Activities& activities() { return activities_; }

 private:
  struct Client {
    ClientState seen;
    Rate drain_rate;
    FifoServer drain;
  };
  Client& client(std::uint32_t connection);
  Activity drain(std::uint32_t connection, std::uint64_t end, SimTime time);
  void acknowledge(std::uint32_t connection, std::uint64_t end);
  void push(std::uint32_t connection);

  const ClientParams params_;
  Timeline& timeline_;
  ByteCheck* check_;
  ByteSource* source_ = nullptr;
  NetworkCard* card_ = nullptr;
  std::function<void(std::uint32_t, std::uint64_t)> told_;
  std::vector<Client> clients_;  // by connection
  Activities activities_;        // last: its frames refer to everything above
};

}  // namespace iodrome::hw
