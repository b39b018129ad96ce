// SPDX-License-Identifier: Apache-2.0
// Listening sockets: the handshake's other half, and connections that wait to be accepted.
#include "model/events/net.h"
#include "model/kernel/socket/loopback.h"

namespace iodrome::kernel {

Errno Socket::listen(std::int32_t backlog) {
  const bool idle = state_ == SocketState::closed && !was_connected_;
  if (!idle && state_ != SocketState::listen) return Errno::einval;
  if (port_ == 0 && net_->bind(*this, 0) != Errno::ok) return Errno::eaddrinuse;
  if (listening_ == nullptr) {
    enter(SocketState::listen);
    listening_ = std::make_unique<Listening>();
  }
  // A negative one is the largest, as its unsigned value is.
  const std::int64_t asked = static_cast<std::uint32_t>(backlog);
  listening_->backlog = static_cast<std::uint32_t>(std::min(asked, params_.somaxconn));
  return Errno::ok;
}

// tcp_conn_request(), with the child made at once.
Task<void> Socket::answer_syn(Atomic& ctx, Port from, const StreamHeader& header) {
  if (listening_->all() > listening_->backlog) {
    ++listen_drops_;
    co_return;
  }
  const SocketPtr child = net_->make_socket();
  child->port_ = port_;
  child->connect_to(from);
  child->enter(SocketState::syn_received);
  child->shutdown_ = 0;
  child->send_window_end_ = header.window_end;
  child->listener_ = this;
  listening_->half_open.push_back(child);
  net_->insert(*child);
  StreamHeader answer = child->header();
  answer.syn = true;
  co_await child->say(ctx, answer);
}

// The child's side of it: it waits to be accepted.
Task<void> Socket::handshake_ended(Atomic& ctx) {
  enter(SocketState::established);
  was_connected_ = true;
  if (listener_ == nullptr) co_return;  // it is being closed, and this one will be reset
  const SocketPtr listener(std::exchange(listener_, nullptr));
  Listening& queues = *listener->listening_;
  std::erase(queues.half_open, SocketPtr(this));
  queues.queue.push_back(this);
  co_await notify_one(ctx, queues.waiters);
  if (!listener->pollers_.empty()) co_await listener->pollers_.wake_up(ctx, 1, kPollIn);
}

Result<SocketPtr> Socket::try_accept(IoWait* wait) {
  if (listening_ == nullptr) return fail(Errno::einval);
  if (listening_->queue.empty()) {
    if (wait != nullptr) {
      wait->stage = events::Stage::network;
      add_waiter(listening_->waiters, *wait);
    }
    return fail(Errno::eagain);
  }
  SocketPtr next = std::move(listening_->queue.front());
  listening_->queue.pop_front();
  return next;
}

// inet_csk_listen_stop(): those that nobody has accepted are reset.
Task<void> Socket::close_listener(Atomic& ctx) {
  const std::unique_ptr<Listening> before = std::move(listening_);
  enter(SocketState::closed);
  for (const SocketPtr& child : before->half_open) child->listener_ = nullptr;
  for (const SocketPtr& child : before->half_open)
    if (child->state_ != SocketState::closed) co_await child->abort(ctx);
  for (const SocketPtr& child : before->queue)
    if (child->state_ != SocketState::closed) co_await child->abort(ctx);
  co_await notify_all(ctx, before->waiters);
  if (!pollers_.empty()) co_await pollers_.wake_all(ctx);
}

}  // namespace iodrome::kernel
