// SPDX-License-Identifier: Apache-2.0
// How connections begin and end.
#include "model/events/net.h"
#include "model/kernel/socket/loopback.h"

namespace iodrome::kernel {

namespace {

// Source: Linux include/net/tcp.h, TCP_TIMEOUT_INIT since 3.1; net.ipv4.tcp_syn_retries since 3.7.
constexpr Duration kFirstTimeout = 1s;
constexpr int kSynRetries = 6;

}  // namespace

/// The only timer there is: a SYN that nobody has answered is sent again, after twice the time.
struct Socket::SynTimer : Timer {
  explicit SynTimer(Socket& of) : Timer(&SynTimer::expired), socket(of) {}
  static Task<void> expired(Atomic& ctx, Timer& self) {
    auto& timer = static_cast<SynTimer&>(self);
    const SocketPtr socket(&timer.socket);
    if (socket->state_ != SocketState::syn_sent) co_return;
    if (timer.retries == kSynRetries) co_return co_await socket->reset(ctx, Errno::etimedout);
    ++timer.retries;
    co_await timer.send(ctx);
  }
  Task<void> send(Atomic& ctx) {
    co_await mod_after(ctx, kFirstTimeout * (std::int64_t{1} << retries));
    if (socket.state_ != SocketState::syn_sent) co_return;
    StreamHeader syn = socket.header();
    syn.syn = true;
    syn.ack = false;
    co_await socket.say(ctx, syn);
  }
  Socket& socket;
  int retries = 0;
};

Socket::Socket(System& system, NetDriver& driver, const SocketParams& params,
               std::uint32_t connection)
    : system_(system),
      driver_(driver),
      params_(params),
      connection_(connection),
      state_(SocketState::established),
      was_connected_(true),
      send_window_end_(~std::uint64_t{0}) {}

Socket::Socket(System& system, Loopback& net, const SocketParams& params)
    : system_(system), driver_(net), net_(&net), params_(params) {}

Socket::~Socket() {
  if (net_ != nullptr) net_->release_port(*this);
  purge();
  const auto forget = [](IoWaitLink* link) { delete link; };
  write_waiters_.clear_and_dispose(forget);
  read_waiters_.clear_and_dispose(forget);
  if (listening_ != nullptr) listening_->waiters.clear_and_dispose(forget);
}

// tcp_set_state().
void Socket::enter(SocketState state) {
  system_.probe.emit(events::InetSockSetState{connection_, static_cast<std::uint64_t>(state_),
                                              static_cast<std::uint64_t>(state)});
  state_ = state;
  if (state == SocketState::closed) shutdown_ = kBothShutdown;
}

Errno Socket::bind(Port port) {
  if (port_ != 0 || state_ != SocketState::closed) return Errno::einval;
  return net_->bind(*this, port);
}

// --- connecting ---------------------------------------------------------------------------------

void Socket::connect_to(Port port) {
  peer_port_ = port;
  connection_ = static_cast<std::uint32_t>(port_) << 16 | port;
}

Task<Errno> Socket::connect(Atomic& ctx, Port port) {
  if (state_ == SocketState::syn_sent) co_return Errno::ealready;
  if (state_ != SocketState::closed || was_connected_) co_return Errno::eisconn;
  if (error_ != Errno::ok) co_return take_error();  // of the attempt before
  if (port_ == 0) {
    const Errno bound = net_->bind(*this, 0);
    if (bound != Errno::ok) co_return Errno::eaddrnotavail;
  }
  connect_to(port);
  if (!net_->insert(*this)) co_return Errno::eaddrnotavail;
  enter(SocketState::syn_sent);
  shutdown_ = 0;
  if (syn_timer_ == nullptr) syn_timer_ = std::make_unique<SynTimer>(*this);
  syn_timer_->retries = 0;
  co_await syn_timer_->send(ctx);
  co_return Errno::ok;
}

Errno Socket::connected(IoWait* wait) {
  if (state_ == SocketState::syn_sent) {
    if (wait != nullptr) {
      wait->stage = events::Stage::network;
      add_waiter(write_waiters_, *wait);
    }
    return Errno::eagain;
  }
  if (state_ != SocketState::closed) return Errno::ok;
  const Errno error = take_error();
  return error != Errno::ok ? error : Errno::econnaborted;
}

// The peer has accepted: tcp_rcv_synsent_state_process().
Task<void> Socket::established(Atomic& ctx, const StreamHeader& header) {
  enter(SocketState::established);
  was_connected_ = true;
  send_window_end_ = header.window_end;
  co_await syn_timer_->del(ctx);
  co_await say(ctx, this->header());
  co_await wake_everybody(ctx);
}

// --- ending -------------------------------------------------------------------------------------

Task<void> Socket::wake_everybody(Atomic& ctx) {
  co_await notify_all(ctx, read_waiters_);
  co_await notify_all(ctx, write_waiters_);
  if (!pollers_.empty()) co_await pollers_.wake_all(ctx);
}

// The connection ends here and now, without a word to the peer: tcp_reset(), tcp_done().
Task<void> Socket::reset(Atomic& ctx, Errno error) {
  error_ = error;
  purge();
  enter(SocketState::closed);
  if (net_ != nullptr) net_->remove(*this);
  if (listener_ != nullptr) {  // nobody has heard of it yet
    std::erase(listener_->listening_->half_open, SocketPtr(this));
    listener_ = nullptr;
  }
  if (syn_timer_ != nullptr) co_await syn_timer_->del(ctx);
  co_await wake_everybody(ctx);
}

// The same, and the peer is told: tcp_send_active_reset().
Task<void> Socket::abort(Atomic& ctx) {
  StreamHeader last = header();
  last.rst = true;
  co_await reset(ctx, fin_received_ ? Errno::epipe : Errno::econnreset);
  co_await say(ctx, last);
}

// Both directions have ended.
void Socket::finish_if_done() {
  if (!fin_acknowledged_ || !fin_received_ || state_ != SocketState::established) return;
  enter(SocketState::closed);
  if (net_ != nullptr) net_->remove(*this);
}

Task<Errno> Socket::shutdown(Atomic& ctx, std::uint32_t how) {
  if (state_ == SocketState::closed) co_return Errno::enotconn;
  if (listening_ != nullptr) {
    if ((how & kRcvShutdown) != 0) co_await close_listener(ctx);
    co_return Errno::ok;
  }
  if (state_ == SocketState::syn_sent) {
    co_await reset(ctx, Errno::ok);
    co_return Errno::ok;
  }
  shutdown_ |= how;
  if ((how & kSendShutdown) != 0) {
    fin_queued_ = true;
    co_await transmit(ctx);
  }
  co_await wake_everybody(ctx);
  co_return Errno::ok;
}

Task<void> Socket::close(Atomic& ctx) {
  if (listening_ != nullptr) co_return co_await close_listener(ctx);
  if (state_ == SocketState::closed) co_return;
  if (state_ == SocketState::syn_sent) co_return co_await reset(ctx, Errno::ok);
  shutdown_ = kBothShutdown;
  if (!receive_queue_.empty()) co_return co_await abort(ctx);
  fin_queued_ = true;
  co_await transmit(ctx);
}

}  // namespace iodrome::kernel
