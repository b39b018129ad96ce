// SPDX-License-Identifier: Apache-2.0
// Network events.
#pragma once
#include "model/events/probe.h"

namespace iodrome::events {

/// A segment is handed to the network card.
struct NetDevXmit {
  static constexpr EventInfo info{"net_dev_start_xmit", Subsystem::net, "connection offset bytes"};
  std::uint64_t connection;
  std::uint64_t offset;
  std::uint64_t bytes;
  Words3 words() const { return {connection, offset, bytes}; }
};

/// The peer acknowledged the stream up to `offset`.
struct TcpAck {
  static constexpr EventInfo info{"tcp_ack", Subsystem::net, "connection offset"};
  std::uint64_t connection;
  std::uint64_t offset;
  Words2 words() const { return {connection, offset}; }
};

/// A socket has room again for a waiting sender.
struct SockSendspace {
  static constexpr EventInfo info{"sock_write_space", Subsystem::net, "connection space"};
  std::uint64_t connection;
  std::uint64_t space;
  Words2 words() const { return {connection, space}; }
};

/// A segment with payload has come up to its socket.
struct NetifReceiveSkb {
  static constexpr EventInfo info{"netif_receive_skb", Subsystem::net, "connection offset bytes"};
  std::uint64_t connection;
  std::uint64_t offset;
  std::uint64_t bytes;
  Words3 words() const { return {connection, offset, bytes}; }
};

/// A socket's state has changed; TCP's numbers.
struct InetSockSetState {
  static constexpr EventInfo info{"inet_sock_set_state", Subsystem::net, "connection old new"};
  std::uint64_t connection;
  std::uint64_t old_state;
  std::uint64_t new_state;
  Words3 words() const { return {connection, old_state, new_state}; }
};

}  // namespace iodrome::events
