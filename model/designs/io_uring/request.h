// SPDX-License-Identifier: Apache-2.0
// A request of io_uring's kernel side.
#pragma once
#include "model/designs/io_uring/uring.h"
#include "model/kernel/inotify/inotify_take.h"
#include "model/kernel/poll/file_poll.h"
#include "model/kernel/time/hrtimer.h"
#include "model/kernel/vfs/file_ops.h"
#include "model/kernel/vfs/write_ops.h"

namespace iodrome::designs::io_uring {

using namespace kernel;
using Value = Result<std::int64_t>;

// A request (io_kiocb). Links form a list; whoever ends one request starts or cancels the next.
struct Uring::Req final : PolledWait, Work, Pooled {
  Req(Uring& ring, const Sqe& entry) : PolledWait(&Req::device_done), owner(ring), sqe(entry) {
    ledger = entry.ledger;
    id = entry.request;
  }
  static Task<void> device_done(Atomic& ctx, IoWait& self) {
    auto& req = static_cast<Req&>(self);
    if (req.trying) {
      req.look_again = true;
      return Task<void>::ready();
    }
    if (!req.tries_again()) req.result = as_return_value(direct_result(req));
    return req.place.device != nullptr ? req.owner.poll_ended(ctx, req)
                                       : req.owner.add_task_work(ctx, req);
  }
  struct Timeout final : HrTimer, Pooled {
    explicit Timeout(Req& of) : HrTimer(&Timeout::expired), req(of) {}
    // io_timeout_fn(): the rest is task work.
    static Task<HrRestart> expired(Atomic& ctx, HrTimer& self) {
      Req& req = static_cast<Timeout&>(self).req;
      co_await req.owner.add_task_work(ctx, req);
      co_return HrRestart::no;
    }
    Req& req;
  };
  // Apart, since a request that reads directly has neither: thousands of them are in flight.
  struct Write final : DirectWrite, Pooled {};
  struct Buffered final : BufferedRead, Pooled {
    using BufferedRead::BufferedRead;
  };
  // What a request on a socket keeps between two tries.
  struct SocketWork final : Pooled {
    std::optional<UserSend> send;
    std::optional<FilePoll> poll;
    std::optional<InotifyTake> event;
  };
  /// Its end is no single completion: what has come makes it try again.
  bool tries_again() const { return buffered != nullptr || socket != nullptr; }
  // In a worker: this request and everything linked behind it, each allowed to sleep.
  Task<void> run(Sleepable& ctx) override;

  Uring& owner;
  Sqe sqe;
  Req* next = nullptr;    // linked behind it
  Req* behind = nullptr;  // in a ReqQueue
  FilePtr file;           // that `read` reads, `write` writes
  DirectRead read;
  std::unique_ptr<Write> write;
  std::unique_ptr<Buffered> buffered;
  std::unique_ptr<Timeout> timeout;
  std::unique_ptr<SocketWork> socket;
  bool iopoll_completed = false;
  bool trying = false;      // an attempt is under way
  bool look_again = false;  // what it waits for came during it
  std::int64_t result = 0;
};

inline void Uring::ReqQueue::push_back(Req& req) {
  (first == nullptr ? first : last->behind) = &req;
  last = &req;
}
inline Uring::Req& Uring::ReqQueue::take_front() {
  Req& req = *first;
  first = std::exchange(req.behind, nullptr);
  return req;
}

}  // namespace iodrome::designs::io_uring
