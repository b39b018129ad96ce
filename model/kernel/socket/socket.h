// SPDX-License-Identifier: Apache-2.0
// Stream sockets: an end of a connection in the manner of TCP. A send buffer and a receive buffer
// of page references, segments to a device below, acknowledgements and windows back.
//
// Invariants
//  1. Every byte that try_send() took is delivered once and in order, or the connection is reset.
//  2. The receive buffer never holds more than receive_buffer_bytes, since no window reaches
//  further.
//  3. Whoever found nothing to receive, no room or no connection is told when that changes.
//
// Differs from Linux: nothing is lost below but where a fault says so, so nothing but a SYN is sent
// again, and there are no timers besides; no congestion control, Nagle, delayed acknowledgements
// (every segment with payload is acknowledged when it arrives), urgent data, options, TIME_WAIT.
// Buffers count payload alone and do not tune themselves. A segment is cut where the window ends.
// The socket's lock is free: code between two awaits is atomic, and what arrives while a call works
// on the socket is taken at once instead of by release_sock().
// Source: Linux net/ipv4/tcp*.c, inet_connection_sock.c; RFC 9293.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "model/engine/result.h"
#include "model/kernel/poll/pollable.h"
#include "model/kernel/socket/segment.h"
#include "model/kernel/time/timer_wheel.h"

namespace iodrome::kernel {

class Loopback;
class Socket;
using SocketPtr = boost::intrusive_ptr<Socket>;
using Port = std::uint16_t;

struct SocketParams {
  std::int64_t send_buffer_bytes = 0;
  std::int64_t segment_bytes = 0;  // most payload of one segment given to the card (TSO)
  std::int64_t receive_buffer_bytes = 0;
  std::int64_t somaxconn = 4096;  // net.core.somaxconn since 5.4; 128 before
};

/// TCP's states by their numbers. What a FIN changes is told by the socket's shutdown bits instead.
enum class SocketState : std::uint8_t {
  established = 1,
  syn_sent = 2,
  syn_received = 3,
  closed = 7,
  listen = 10,
};

/// sk_shutdown.
inline constexpr std::uint32_t kRcvShutdown = 1;
inline constexpr std::uint32_t kSendShutdown = 2;
inline constexpr std::uint32_t kBothShutdown = 3;

class Socket final : public Pollable {
 public:
  /// Connected from the start, to a peer behind `driver` that takes whatever is sent; it belongs to
  /// whoever made it.
  Socket(System& system, NetDriver& driver, const SocketParams& params, std::uint32_t connection);
  /// Not connected, of the family that has ports; see Loopback::make_socket().
  Socket(System& system, Loopback& net, const SocketParams& params);
  ~Socket() override;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  // --- sending: socket.cpp ---
  /// Queues as many of `parts` as fit, by reference. Legal up to softirq; never sleeps. Returns the
  /// bytes taken.
  ///
  /// Errors: EAGAIN if there is no room at all, or no connection yet; `wait`, if given, then
  /// expects it. ENOBUFS if there is no memory for the first segment; for a later one, less is
  /// taken. EPIPE, with a SIGPIPE counted, if it is not connected or this end was shut down; before
  /// that, once, the connection's error (ECONNRESET, ECONNREFUSED, ETIMEDOUT).
  Task<Result<std::uint64_t>> try_send(Atomic& ctx, std::span<const PagePart> parts, IoWait* wait);
  /// For the receive path: the peer has everything before `stream_offset`.
  Task<void> acknowledge(Atomic& ctx, std::uint64_t stream_offset);

  // --- receiving: receive.cpp ---
  /// Copies up to `bytes` of what has arrived into user pages from their byte `into` on, in the
  /// caller's context. Returns how many; 0 at the end of the stream. Never sleeps.
  ///
  /// Order: what a call takes is contiguous.
  /// Errors: EAGAIN with `wait`, if given, armed; ENOTCONN; the connection's error, once.
  Task<Result<std::uint64_t>> try_recv(Atomic& ctx, std::span<const hw::PhysAddr> pages,
                                       std::uint64_t bytes, IoWait* wait, std::uint64_t into = 0);
  /// For the receive path: a frame of this connection. The caller holds the socket.
  Task<void> receive(Atomic& ctx, const StreamHeader& header, PageParts parts);
  /// Tells the window for the first time, for a peer that learns it otherwise than from a SYN.
  std::uint64_t open_window() { return advertise(); }
  /// What this end has to say now, with whatever it sends; that is then told.
  StreamHeader header();

  // --- connections: connection.cpp, listen.cpp ---
  /// Errors: EINVAL, it has a port or is connected; EADDRINUSE. 0 is a free port of the kernel's
  /// choice.
  Errno bind(Port port);
  /// listen(2): makes connections wait for accept(). `backlog` and one more may wait, at most
  /// somaxconn and one more; a SYN that finds them full is dropped, and sent again by its sender.
  /// Errors: EINVAL, it is or was connected; EADDRINUSE, no port is free.
  ///
  /// Differs from Linux: connections whose handshake has not ended count; no SYN cookies.
  Errno listen(std::int32_t backlog);
  /// Begins to connect to a port of this machine.
  ///
  /// Errors: EISCONN, also of one that listens or was connected; EALREADY; EADDRNOTAVAIL, no port
  /// is free; once, how an attempt ended of which nobody has heard.
  Task<Errno> connect(Atomic& ctx, Port port);
  /// How that has ended. Errors: EAGAIN with `wait`, if given, armed; ECONNREFUSED, ETIMEDOUT (the
  /// SYN was sent seven times in 127 s), ECONNRESET; ECONNABORTED, there is no connection.
  Errno connected(IoWait* wait);
  /// Takes the connection that has waited longest.
  /// Errors: EINVAL, it does not listen; EAGAIN with `wait`, if given, armed.
  Result<SocketPtr> try_accept(IoWait* wait);
  /// shutdown(2) with kRcvShutdown, kSendShutdown or both. Errors: ENOTCONN.
  Task<Errno> shutdown(Atomic& ctx, std::uint32_t how);
  /// The last descriptor is gone: a FIN, or a reset if something was never read; connections that
  /// wait are reset. What was sent is still delivered.
  ///
  /// Differs from Linux: without a FIN from the peer the socket waits for ever (tcp_fin_timeout).
  Task<void> close(Atomic& ctx);

  /// As tcp_poll(). Out while a third of the send buffer is free, sk_stream_is_writeable(). Who
  /// finds it is not is told when it is again.
  Task<PollEvents> poll(Sleepable& ctx, const File& file, PollTable* table) override;

  System& system() { return system_; }
  SocketState state() const { return state_; }
  std::uint32_t connection() const { return connection_; }
  Port port() const { return port_; }
  Port peer_port() const { return peer_port_; }
  std::uint64_t bytes_queued() const { return next_offset_; }  // ever accepted
  std::uint64_t bytes_unacknowledged() const { return next_offset_ - acknowledged_; }
  bool has_room() const { return state_ == SocketState::established && space() > 0; }
  /// Whether try_send() would fail for good.
  bool broken() const {
    return error_ != Errno::ok || (shutdown_ & kSendShutdown) != 0 ||
           state_ == SocketState::closed || state_ == SocketState::listen;
  }
  std::uint64_t bytes_received() const { return received_; }                // ever, in order
  std::uint64_t bytes_held() const { return received_ - freed_ + early_; }  // in the receive buffer
  std::uint64_t bytes_dropped() const { return dropped_; }      // beyond the window, or known
  std::uint64_t sigpipes() const { return sigpipes_; }          // counted for all who send
  std::uint64_t listen_drops() const { return listen_drops_; }  // SYNs that found the queue full

 private:
  friend class Loopback;
  friend void intrusive_ptr_add_ref(Socket* socket) { ++socket->references_; }
  friend void intrusive_ptr_release(Socket* socket) {
    if (--socket->references_ == 0) delete socket;
  }
  struct SynTimer;
  // What a listening socket has besides.
  struct Listening {
    std::uint32_t backlog = 0;
    std::vector<SocketPtr> half_open;  // their handshake has not ended
    std::deque<SocketPtr> queue;       // wait for accept()
    IoWaitList waiters;
    std::size_t all() const { return half_open.size() + queue.size(); }
  };

  // socket.cpp
  std::uint64_t space() const {
    const auto used = bytes_unacknowledged();
    const auto limit = static_cast<std::uint64_t>(params_.send_buffer_bytes);
    return used >= limit ? 0 : limit - used;
  }
  bool writable() const {
    return space() * 3 >= static_cast<std::uint64_t>(params_.send_buffer_bytes);
  }
  Errno send_error();
  Segment* next_to_send();
  Task<void> transmit(Atomic& ctx);
  void purge();

  // receive.cpp
  Task<void> say(Atomic& ctx, StreamHeader what) { return driver_.xmit_frame(ctx, *this, what); }
  std::uint64_t buffer_bytes() const {
    return static_cast<std::uint64_t>(params_.receive_buffer_bytes);
  }
  std::uint64_t select_window() const;
  std::uint64_t advertise();
  Task<void> window_update(Atomic& ctx);
  Task<void> deliver(Atomic& ctx, const StreamHeader& from, PageParts parts);
  bool take_in_order();
  Task<void> take_fin(Atomic& ctx);
  PageParts claim(std::uint64_t bytes);

  // connection.cpp
  Errno take_error() { return std::exchange(error_, Errno::ok); }
  void enter(SocketState state);
  void connect_to(Port port);
  Task<void> established(Atomic& ctx, const StreamHeader& header);
  Task<void> answer_syn(Atomic& ctx, Port from, const StreamHeader& header);
  Task<void> handshake_ended(Atomic& ctx);
  Task<void> reset(Atomic& ctx, Errno error);
  Task<void> abort(Atomic& ctx);
  Task<void> wake_everybody(Atomic& ctx);
  void finish_if_done();
  Task<void> close_listener(Atomic& ctx);

  System& system_;
  NetDriver& driver_;
  Loopback* const net_ = nullptr;  // of one with ports
  const SocketParams& params_;
  std::uint32_t connection_ = 0;
  std::uint32_t references_ = 1;  // that of whoever made it
  SocketState state_ = SocketState::closed;
  Port port_ = 0;
  Port peer_port_ = 0;
  std::uint32_t shutdown_ = 0;
  bool was_connected_ = false;
  Errno error_ = Errno::ok;  // sk_err
  std::unique_ptr<Listening> listening_;
  Socket* listener_ = nullptr;  // that this one's handshake began at, until it ends
  std::unique_ptr<SynTimer> syn_timer_;

  // Sending.
  std::uint64_t next_offset_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t send_window_end_ = 0;
  boost::intrusive::list<Segment> unacknowledged_;
  boost::intrusive::list<Segment> unsent_;  // for want of a window, or somebody else sends
  bool transmitting_ = false;               // one context at a time, so that the order stays
  bool fin_queued_ = false;
  bool fin_sent_ = false;
  bool fin_acknowledged_ = false;
  IoWaitList write_waiters_;
  bool no_space_ = false;  // SOCK_NOSPACE: somebody has found no room
  std::uint64_t sigpipes_ = 0;

  // Receiving. held: received_ - freed_, and early_.
  std::deque<PagePart> receive_queue_;
  std::map<std::uint64_t, PageParts> out_of_order_;  // by offset
  std::uint64_t received_ = 0;                       // rcv_nxt
  std::uint64_t early_ = 0;                          // bytes that are out of order
  std::uint64_t freed_ = 0;                          // copied to readers
  std::uint64_t window_end_ = 0;                     // told to the peer
  std::uint64_t largest_segment_ = 536;              // rcv_mss, which begins with TCP_MSS_DEFAULT
  std::uint64_t dropped_ = 0;
  std::optional<std::uint64_t> fin_at_;
  bool fin_received_ = false;  // and everything before it: SOCK_DONE
  IoWaitList read_waiters_;
  std::uint64_t listen_drops_ = 0;

  WaitQueue pollers_{"socket"};
};

}  // namespace iodrome::kernel
