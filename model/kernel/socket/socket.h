// SPDX-License-Identifier: Apache-2.0
// Stream sockets, sending side: a bounded send buffer of page references, segments to the network
// card, space back by acknowledgements.
//
// Differs from Linux: no handshake, loss, congestion control or receive path for data; a segment
// goes to the card as soon as it has been queued, and the send buffer is the only window.
#pragma once
#include <boost/container/small_vector.hpp>
#include <boost/intrusive/list.hpp>
#include <deque>

#include "model/engine/result.h"
#include "model/kernel/mm/page.h"
#include "model/kernel/poll/pollable.h"

namespace iodrome::kernel {

class Socket;

/// A piece of a stream on its way: what an skb is. It lives until the peer has acknowledged it.
struct Segment : boost::intrusive::list_base_hook<>, Pooled {
  Socket* socket = nullptr;
  std::uint64_t stream_offset = 0;
  std::uint32_t bytes = 0;
  boost::container::small_vector<PagePart, 16> parts;
};

/// The driver below. It keeps order and takes any number of segments.
class NetDriver {
 public:
  virtual ~NetDriver() = default;
  virtual Task<void> xmit(Atomic& ctx, Segment& segment) = 0;
};

struct SocketParams {
  std::int64_t send_buffer_bytes = 0;
  std::int64_t segment_bytes = 0;  // most payload of one segment given to the card (TSO)
};

class Socket final : public Pollable {
 public:
  Socket(System& system, NetDriver& driver, const SocketParams& params, std::uint32_t connection)
      : system_(system), driver_(driver), params_(params), connection_(connection) {}
  ~Socket() override;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  /// Queues as many of `parts` as fit, by reference. Legal up to softirq; never sleeps. Returns the
  /// bytes taken. Errors: EAGAIN if there is no room at all; `wait`, if given, then expects room.
  /// ENOBUFS if there is no memory for the first segment; for a later one, less is taken.
  Task<Result<std::uint64_t>> try_send(Atomic& ctx, std::span<const PagePart> parts, IoWait* wait);

  /// For the driver's receive path: the peer has everything before `stream_offset`.
  Task<void> acknowledge(Atomic& ctx, std::uint64_t stream_offset);

  /// Out while a third of the buffer is free, sk_stream_is_writeable(). Who finds it is not is told
  /// when it is again.
  Task<PollEvents> poll(Sleepable& ctx, const File& file, PollTable* table) override;

  std::uint32_t connection() const { return connection_; }
  std::uint64_t bytes_queued() const { return next_offset_; }  // ever accepted
  std::uint64_t bytes_unacknowledged() const { return next_offset_ - acknowledged_; }
  bool has_room() const { return space() > 0; }

 private:
  std::uint64_t space() const {
    const auto used = bytes_unacknowledged();
    const auto limit = static_cast<std::uint64_t>(params_.send_buffer_bytes);
    return used >= limit ? 0 : limit - used;
  }

  bool writable() const {
    return space() * 3 >= static_cast<std::uint64_t>(params_.send_buffer_bytes);
  }

  System& system_;
  NetDriver& driver_;
  const SocketParams& params_;
  const std::uint32_t connection_;
  std::uint64_t next_offset_ = 0;
  std::uint64_t acknowledged_ = 0;
  boost::intrusive::list<Segment> unacknowledged_;
  IoWaitList write_waiters_;
  bool no_space_ = false;  // SOCK_NOSPACE: somebody has found no room
  WaitQueue pollers_{"socket"};
};

}  // namespace iodrome::kernel
