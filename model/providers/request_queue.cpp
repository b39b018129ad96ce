// SPDX-License-Identifier: Apache-2.0
#include "model/providers/request_queue.h"

namespace iodrome::providers {

Errno RequestQueue::enqueue(QueuedRequest& request) {
  const bool full = length_ >= limit_;
  if (full && !request.may_backlog) return Errno::enospc;
  requests_.push_back(request);
  ++length_;
  if (!full) return Errno::einprogress;
  if (backlog_ == requests_.end()) backlog_ = requests_.iterator_to(request);
  return Errno::ebusy;
}

Task<QueuedRequest*> RequestQueue::dequeue(kernel::Atomic& ctx) {
  if (requests_.empty()) co_return nullptr;
  QueuedRequest* const told = backlog_ == requests_.end() ? nullptr : &*backlog_;
  if (told != nullptr) ++backlog_;
  QueuedRequest& oldest = requests_.front();
  requests_.pop_front();
  --length_;
  // It may give its next request here.
  if (told != nullptr) co_await told->complete(ctx, *told, Errno::einprogress);
  co_return &oldest;
}

}  // namespace iodrome::providers
