// SPDX-License-Identifier: Apache-2.0
// Mainline Linux AIO, the kernel side: io_submit and io_getevents over a context with a completion
// ring.
//
// Invariant: every accepted request owns a future ring slot, so the ring cannot overflow;
// back-pressure is EAGAIN at submit. Source: Linux fs/aio.c, as of 2.6.19–20 for the ring and
// admission rules.
#pragma once
#include <deque>

#include "model/designs/design.h"
#include "model/kernel/ring/completion_ring.h"
#include "model/kernel/sync/spinlock.h"

namespace iodrome::designs::linux_aio {

struct AioCosts {
  kernel::Cost iocb_prepare;  // user: an iocb filled in
  kernel::Cost submit_call;   // io_submit's own work, per call
  kernel::Cost prepare;       // per iocb: copy 64 bytes in, look the file up, allocate, check
  kernel::Cost complete;      // aio_complete
  kernel::Cost getevents;     // io_getevents' own work, per call
  kernel::Cost copy_event;    // per event copied out
};

/// IOCB_CMD_*: what an iocb asks for.
enum class Command : std::uint16_t { pread = 0, pwrite = 1, fsync = 2, fdsync = 3 };

/// A control block, as far as the model uses one.
struct Iocb {
  std::uint64_t data = 0;  // comes back in the event
  int fd = -1;
  bool direct = true;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::span<const hw::PhysAddr> pages{};
  events::StageLedger* ledger = nullptr;
  Command command = Command::pread;
};

struct IoEvent {
  std::uint64_t data = 0;
  std::int64_t res = 0;
};

/// An AIO context: what io_setup() returns.
class Kioctx {
 public:
  Kioctx(kernel::Os& os, kernel::FileTable& files, AioCosts& costs, std::uint32_t events,
         kernel::WaitQueue& sleepers);

  /// io_submit(2). Returns how many were accepted if any, else the first one's errno (EAGAIN: no
  /// slot or no memory, EBADF, EINVAL, also for fsync and fdsync, which no file system of 2.6 had).
  /// A buffered transfer, and a direct one that cannot start at once, is carried out here and now:
  /// the submitter sleeps for it.
  Task<Result<std::int64_t>> submit(kernel::Sleepable& user, std::span<const Iocb> iocbs);

  /// io_getevents(2): at least `min` events, at most `to.size()`. With `woken`, it also returns
  /// when that holds.
  Task<Result<std::int64_t>> getevents(kernel::Sleepable& user, std::uint32_t min,
                                       std::span<IoEvent> to);

  /// Sleeps until an event or `woken`: epoll_wait on an eventfd of the context (IOCB_FLAG_RESFD)
  /// and the connections.
  Task<Result<std::int64_t>> epoll_wait(kernel::Sleepable& user, const WakeCondition& woken);

  /// exit_aio() of a context: nothing is accepted any more, and what is in flight is waited for, as
  /// nothing at a disk can be cancelled. Threads in its calls get EINVAL or EINTR.
  /// The context itself is still in use by who ended the last of it.
  Task<void> exit(kernel::Sleepable& ctx);

  /// User: whether the ring shows an event; no call.
  auto has_events(kernel::Sleepable& user) const { return ring_.has_entries(user); }
  std::uint32_t slots() const { return ring_.size(); }
  std::uint32_t requests_active() const { return requests_active_; }

 private:
  struct Kiocb;
  Task<Result<std::int64_t>> submit_body(kernel::Sleepable& ctx, std::span<const Iocb> iocbs);
  Task<Errno> submit_one(kernel::Sleepable& ctx, const Iocb& iocb);
  Task<Result<std::int64_t>> start(kernel::Sleepable& ctx, const Iocb& iocb,
                                   const kernel::File& file, Kiocb& kiocb);
  Task<Result<std::int64_t>> carry_out(kernel::Sleepable& ctx, const Iocb& iocb,
                                       kernel::FilePtr file);
  Task<Result<std::int64_t>> getevents_body(kernel::Sleepable& ctx, std::uint32_t min,
                                            std::span<IoEvent> to);
  Task<Result<std::int64_t>> epoll_body(kernel::Sleepable& ctx, const WakeCondition& woken);
  Task<void> complete(kernel::Atomic& ctx, Kiocb& kiocb, std::int64_t res);
  Task<void> ended(kernel::Atomic& ctx);

  kernel::Os& os_;
  kernel::FileTable& files_;
  AioCosts& costs_;
  kernel::CompletionRing<IoEvent> ring_;
  kernel::WaitQueue& sleepers_;
  kernel::Spinlock lock_{"kioctx.completion_lock"};
  std::uint32_t in_flight_ = 0;  // accepted, and their events not yet in the ring
  bool dead_ = false;            // its process ends
  kernel::WaitQueue last_event_{"exit_aio"};
  std::uint32_t requests_active_ = 0;  // accepted, and not yet taken out of the ring
};

}  // namespace iodrome::designs::linux_aio
