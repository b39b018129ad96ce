// SPDX-License-Identifier: Apache-2.0
// kevent's kernel AIO, the machine: requests are caches of callbacks that a pool of kernel threads
// calls; callbacks append further ones, so a request is a chain that grows while it runs.
//
// Source: E. Polyakov, kevent take 33, kernel/kevent/kevent_aio.c (2007-01-17).
// Differs: a request stays with the thread that it was first given to, and is on its list only with
// something to call; see README.md for what happened otherwise.
#pragma once
#include <array>
#include <boost/intrusive/list.hpp>

#include "model/kernel/kthread/kthread.h"
#include "model/kernel/sync/spinlock.h"

namespace iodrome::designs::kevent {

/// struct kaio_req. It lives until nobody refers to it: a callback to call, a bio in flight, an
/// event, the list of a thread.
class KaioRequest : public boost::intrusive::list_base_hook<> {
 public:
  /// Called by a thread of the pool. Below 0: the rest of its callbacks is dropped. 0: the next one
  /// is called. Above 0: no more for now.
  using Callback = Task<int> (*)(kernel::Sleepable& ctx, KaioRequest& self);
  static constexpr std::uint32_t kCalls = 8;  // KAIO_CALL_NUM; one is always free

  virtual ~KaioRequest() = default;
  KaioRequest(const KaioRequest&) = delete;
  KaioRequest& operator=(const KaioRequest&) = delete;

  /// Puts a callback behind the others. Any context. Errors: EOVERFLOW, seven are there.
  Errno append(Callback callback);
  bool has_calls() const { return read_ != add_; }
  void get() { ++references_; }
  void put() {
    if (--references_ == 0) delete this;
  }

 protected:
  KaioRequest() = default;

 private:
  friend class KaioThreads;
  Task<bool> call(kernel::Sleepable& ctx);
  void drop_calls();
  // One of those that is not the last: the list of the thread that calls holds the request.
  void put_call() {
    check(references_ > 1, "a request is called that nobody holds");
    --references_;
  }

  std::array<Callback, kCalls> calls_{};
  std::uint32_t read_ = 0;
  std::uint32_t add_ = 0;
  std::int32_t thread_ = -1;  // which has it, or nobody yet
  bool pending_ = false;      // KAIO_REQ_PENDING: on that one's list
  std::uint32_t references_ = 0;
};

/// The threads kaio/0 to kaio/N-1: one pool for the machine.
class KaioThreads {
 public:
  KaioThreads(kernel::System& system, std::uint32_t threads);
  ~KaioThreads();
  KaioThreads(const KaioThreads&) = delete;
  KaioThreads& operator=(const KaioThreads&) = delete;

  /// kaio_schedule_req(): puts the request on its thread's list, if it is not there, and wakes the
  /// thread. Any context. A new request goes to the next thread in turn of this CPU.
  ///
  /// Order: a thread takes the youngest first.
  Task<void> schedule(kernel::Atomic& ctx, KaioRequest& request);

 private:
  struct Worker;

  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::uint32_t> next_;  // whose turn it is, by CPU
};

}  // namespace iodrome::designs::kevent
