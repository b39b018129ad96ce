// SPDX-License-Identifier: Apache-2.0
// What goes between sockets and the network devices below them.
#pragma once
#include <boost/container/small_vector.hpp>
#include <boost/intrusive/list.hpp>

#include "model/engine/task.h"
#include "model/kernel/mm/page.h"

namespace iodrome::kernel {

class Socket;

using PageParts = boost::container::small_vector<PagePart, 16>;
std::uint64_t bytes_of(const PageParts& parts);

/// A piece of a stream on its way: what an skb is. It lives until the peer has acknowledged it.
struct Segment : boost::intrusive::list_base_hook<>, Pooled {
  Socket* socket = nullptr;
  std::uint64_t stream_offset = 0;
  std::uint32_t bytes = 0;
  PageParts parts;
};

/// What an end of a stream tells the other besides bytes: a TCP header's part in it.
///
/// Differs from Linux: numbers are 64-bit offsets of the stream; a FIN takes one, a SYN none. The
/// window is told by its end, so it needs no scaling.
struct StreamHeader {
  bool syn = false;
  bool ack = false;
  bool fin = false;
  bool rst = false;
  std::uint64_t offset = 0;        // of the first byte of payload, or of the next one
  std::uint64_t acknowledged = 0;  // everything before it has arrived
  std::uint64_t window_end = 0;    // what lies before it may be sent
  std::uint32_t frame_bytes = 0;   // of frames merged on the way, the largest; 0: it is one
};

/// The driver below. It keeps the order in which a CPU gives it segments and takes any number.
class NetDriver {
 public:
  virtual ~NetDriver() = default;
  /// Legal up to softirq, as all of these. The segment may end once the first byte has left.
  virtual Task<void> xmit(Atomic& ctx, Segment& segment) = 0;
  /// A frame without payload from that socket.
  virtual Task<void> xmit_frame(Atomic& ctx, Socket& from, StreamHeader header);
};

}  // namespace iodrome::kernel
