// SPDX-License-Identifier: Apache-2.0
// The loopback device, and the ports of a machine whose sockets reach one another through it.
#pragma once
#include "model/kernel/socket/napi.h"
#include "model/kernel/socket/socket.h"

namespace iodrome::kernel {

/// What is sent goes to the backlog of the sender's CPU and through the receive softirq there, as
/// netif_rx() does it. Payload is passed on by reference.
///
/// Order: packets of one CPU FIFO. Those of two CPUs may overtake each other; the sockets put them
/// in order.
/// Differs from Linux: 127.0.0.1 is the only address, so a socket is known by its ports; no
/// SO_REUSEADDR; the port of the kernel's choice is the lowest free one; no limit to a backlog
/// (netdev_max_backlog), since windows bound it and nothing is sent again.
class Loopback final : public NetDriver {
 public:
  static constexpr Port kFirstPort = 32768;  // net.ipv4.ip_local_port_range
  static constexpr Port kLastPort = 60999;

  Loopback(System& system, NetRx& rx, const SocketParams& params);
  ~Loopback() override;

  /// A socket that is not connected; who gets it holds it.
  SocketPtr make_socket();
  /// Of connections, each end one: those that are not closed.
  std::size_t connections() const { return connections_.size(); }
  /// Closes a socket whose file has ended where nobody could: in a tasklet of CPU 0.
  void close_later(SocketPtr socket);

  Task<void> xmit(Atomic& ctx, Segment& segment) override;
  Task<void> xmit_frame(Atomic& ctx, Socket& from, StreamHeader header) override;

 private:
  friend class Socket;
  struct Packet {
    Port from = 0;
    Port to = 0;
    StreamHeader header;
    PageParts parts;
  };
  // softnet_data's backlog of one CPU.
  struct Backlog final : Napi {
    explicit Backlog(Loopback& of) : owner(of) {}
    Task<bool> poll(Atomic& ctx) override;
    Loopback& owner;
    std::deque<Packet> packets;
  };
  struct Closer final : IrqAction {
    explicit Closer(Loopback& of) : owner(of) {}
    Task<void> handle(Atomic& ctx) override;
    Loopback& owner;
  };

  // For sockets.
  Errno bind(Socket& socket, Port port);
  void release_port(const Socket& socket);
  bool insert(Socket& socket);
  void remove(const Socket& socket);

  bool in_use(Port port) const;
  void enqueue(Atomic& ctx, Packet packet);
  Task<void> receive(Atomic& ctx, Packet packet);

  System& system_;
  NetRx& rx_;
  const SocketParams& params_;
  std::deque<Backlog> backlogs_;                            // by CPU
  std::map<Port, Socket*> bound_;                           // each as long as it lives
  std::map<std::pair<Port, Port>, SocketPtr> connections_;  // by own port and the peer's
  Closer closer_{*this};
  std::vector<SocketPtr> closing_;
};

}  // namespace iodrome::kernel
