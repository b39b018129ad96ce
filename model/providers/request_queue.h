// SPDX-License-Identifier: Apache-2.0
// The queue of a crypto device as the mainline crypto API has it, to compare with: whoever finds it
// full is refused, or stands in its backlog and is told when a place has come.
//
// Source: Linux crypto/algapi.c (crypto_enqueue_request, crypto_dequeue_request,
// crypto_get_backlog), CRYPTO_TFM_REQ_MAY_BACKLOG; recalled, not re-read.
// Differs: its lock is free. CryptoEngine is built on it; the other providers refuse with EAGAIN,
// and who waits for room is told of it by the registry.
#pragma once
#include <boost/intrusive/list.hpp>
#include <cstdint>

#include "model/engine/result.h"
#include "model/kernel/cpu/context.h"

namespace iodrome::providers {

/// A request of the crypto API. It belongs to its user, and stays where it is until its end.
struct QueuedRequest : boost::intrusive::list_base_hook<> {
  using Complete = Task<void> (*)(kernel::Atomic& ctx, QueuedRequest& self, Errno error);

  bool may_backlog = false;  // CRYPTO_TFM_REQ_MAY_BACKLOG
  /// With EINPROGRESS: it has left the backlog, and will be called once more. With anything else:
  /// it has ended, and is its user's again.
  Complete complete = nullptr;
  void* argument = nullptr;
};

class RequestQueue {
 public:
  /// `limit`: requests beyond which the others are backlog.
  explicit RequestQueue(std::uint32_t limit) : limit_(limit) {}
  RequestQueue(const RequestQueue&) = delete;
  RequestQueue& operator=(const RequestQueue&) = delete;

  /// Takes a request, FIFO, the backlog's included. Legal in any context.
  ///
  /// Errors: EINPROGRESS: taken. EBUSY: full, and it stands in the backlog; its user gives no more
  /// until it hears EINPROGRESS. ENOSPC: full, and it may not wait: it was not taken.
  Errno enqueue(QueuedRequest& request);
  /// The oldest request, for the device, or nullptr. Whoever comes from the backlog in its place
  /// hears of it first, in this context.
  Task<QueuedRequest*> dequeue(kernel::Atomic& ctx);

  /// With the backlog.
  std::uint32_t length() const { return length_; }
  std::uint32_t backlog() const { return length_ > limit_ ? length_ - limit_ : 0; }

 private:
  using List = boost::intrusive::list<QueuedRequest>;

  const std::uint32_t limit_;
  List requests_;
  List::iterator backlog_ = requests_.end();  // the first that has not been told
  std::uint32_t length_ = 0;
};

}  // namespace iodrome::providers
