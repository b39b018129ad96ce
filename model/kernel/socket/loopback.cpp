// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/socket/loopback.h"

#include "model/events/net.h"

namespace iodrome::kernel {

Loopback::Loopback(System& system, NetRx& rx, const SocketParams& params)
    : system_(system), rx_(rx), params_(params) {
  for (std::size_t i = 0; i < system.cpus.size(); ++i) backlogs_.emplace_back(*this);
}

// Sockets go before the ports they release.
Loopback::~Loopback() {
  closing_.clear();
  std::exchange(connections_, {}).clear();
}

SocketPtr Loopback::make_socket() {
  return {new Socket(system_, *this, params_), false};
}

// --- ports --------------------------------------------------------------------------------------

bool Loopback::in_use(Port port) const {
  const auto connection = connections_.lower_bound({port, Port{0}});
  const bool connected = connection != connections_.end() && connection->first.first == port;
  return connected || bound_.contains(port);
}

Errno Loopback::bind(Socket& socket, Port port) {
  if (port == 0) {
    port = kFirstPort;
    while (port <= kLastPort && in_use(port)) ++port;
    if (port > kLastPort) return Errno::eaddrinuse;
  } else if (in_use(port)) {
    return Errno::eaddrinuse;
  }
  bound_.emplace(port, &socket);
  socket.port_ = port;
  return Errno::ok;
}

void Loopback::release_port(const Socket& socket) {
  const auto bound = bound_.find(socket.port_);
  if (bound != bound_.end() && bound->second == &socket) bound_.erase(bound);
}

bool Loopback::insert(Socket& socket) {
  return connections_.emplace(std::pair(socket.port_, socket.peer_port_), &socket).second;
}

void Loopback::remove(const Socket& socket) {
  const auto found = connections_.find({socket.port_, socket.peer_port_});
  if (found != connections_.end() && found->second.get() == &socket) connections_.erase(found);
}

// --- packets ------------------------------------------------------------------------------------

// netif_rx().
void Loopback::enqueue(Atomic& ctx, Packet packet) {
  Backlog& backlog = backlogs_[ctx.cpu().index()];
  backlog.packets.push_back(std::move(packet));
  rx_.schedule(ctx.cpu(), backlog);
}

Task<void> Loopback::xmit(Atomic& ctx, Segment& segment) {
  Socket& from = *segment.socket;
  Packet packet{from.port(), from.peer_port(), from.header(), segment.parts};
  packet.header.offset = segment.stream_offset;
  co_await ctx.spend(ctx.costs().segment_xmit);
  enqueue(ctx, std::move(packet));
}

Task<void> Loopback::xmit_frame(Atomic& ctx, Socket& from, StreamHeader header) {
  Packet packet{from.port(), from.peer_port(), header, {}};
  co_await ctx.spend(ctx.costs().segment_xmit);
  enqueue(ctx, std::move(packet));
}

// process_backlog().
Task<bool> Loopback::Backlog::poll(Atomic& ctx) {
  for (int taken = 0; taken < kWeight; ++taken) {
    if (packets.empty()) {
      complete();
      co_return false;
    }
    Packet packet = std::move(packets.front());
    packets.pop_front();
    co_await owner.receive(ctx, std::move(packet));
  }
  co_return true;
}

// tcp_v4_rcv(). What nobody takes is answered with a reset, but for resets and for bare
// acknowledgements: with several CPUs these may come late, and TIME_WAIT would take them.
Task<void> Loopback::receive(Atomic& ctx, Packet packet) {
  const StreamHeader& header = packet.header;
  Cost& cost = packet.parts.empty() ? ctx.costs().ack_receive : ctx.costs().segment_receive;
  co_await ctx.spend(cost);
  const auto found = connections_.find({packet.to, packet.from});
  const bool begins = header.syn && !header.ack;
  if (found != connections_.end() && !(begins && packet.from == packet.to)) {
    const SocketPtr socket = found->second;
    if (!packet.parts.empty())
      ctx.emit(
          events::NetifReceiveSkb{socket->connection(), header.offset, bytes_of(packet.parts)});
    co_return co_await socket->receive(ctx, header, std::move(packet.parts));
  }
  const auto bound = bound_.find(packet.to);
  if (begins && bound != bound_.end() && bound->second->state() == SocketState::listen) {
    const SocketPtr listener = bound->second;
    co_return co_await listener->answer_syn(ctx, packet.from, header);
  }
  if (header.rst || (!header.syn && !header.fin && packet.parts.empty())) co_return;
  Packet answer{packet.to, packet.from, {}, {}};
  answer.header.rst = true;
  co_await ctx.spend(ctx.costs().segment_xmit);
  enqueue(ctx, std::move(answer));
}

// --- files that end somewhere -------------------------------------------------------------------

void Loopback::close_later(SocketPtr socket) {
  closing_.push_back(std::move(socket));
  system_.cpus.front()->schedule_tasklet(closer_);
}

Task<void> Loopback::Closer::handle(Atomic& ctx) {
  while (!owner.closing_.empty()) {
    const SocketPtr socket = std::move(owner.closing_.back());
    owner.closing_.pop_back();
    co_await socket->close(ctx);
  }
}

}  // namespace iodrome::kernel
