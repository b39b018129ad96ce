// SPDX-License-Identifier: Apache-2.0
// The C library's part: control blocks, requests by descriptor, and threads of the process that
// carry them out with blocking calls. The kernel knows nothing of it.
//
// Source: glibc rt/aio_misc.c, aio_notify.c, aio_suspend.c.
#pragma once
#include <deque>
#include <map>

#include "model/designs/design.h"
#include "model/designs/user_sync.h"
#include "model/kernel/kthread/kthread.h"

namespace iodrome::designs::posix_aio {

struct AioParams {
  std::int64_t threads = 0;          // aio_threads of aio_init(3): of the process, at most
  Duration idle_time{};              // aio_idle_time: how long one without work stays
  std::int64_t suspend_entries = 0;  // requests that one aio_suspend waits for, at most
  std::int64_t read_bytes = 0;       // a file is read and sent in pieces of this size
};

struct AioCosts {
  kernel::Cost aiocb_prepare;  // user: a control block filled in
  kernel::Cost enqueue;        // a request's entry taken and filled, under the lock
  kernel::Cost list_entry;     // an entry of a list walked past, under the lock
  kernel::Cost finish;         // a request's end: told, taken out, given back, under the lock
  kernel::Cost look;           // user: aio_error, and aio_return where it is done
};

struct AioCounts {
  std::uint64_t requests = 0;
  std::uint64_t queued_behind = 0;    // requests that found one of their descriptor
  std::uint64_t threads_started = 0;  // of helpers
  std::uint64_t most_threads = 0;     // at once
};

enum class AioOp : std::uint8_t { read, write, sync, data_sync };

/// A control block, the application's. It stays where it is until its request has ended.
struct Aiocb {
  AioOp op = AioOp::read;
  int fd = -1;
  bool direct = false;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::span<const hw::PhysAddr> pages{};
  events::StageLedger* ledger = nullptr;

  Shared<std::uint32_t> error{0};  // aio_error(): EINPROGRESS until it has ended
  std::int64_t value = 0;          // then: what the call returned, or -errno
};

/// One thread's aio_suspend, from call to call.
class Suspension {
 public:
  explicit Suspension(UserSync& sync) : counter_(sync.place()) {}
  /// An arrival, from outside the machine: ends the wait as a signal would.
  void interrupt(kernel::System& system) {
    if (sleeper_ != nullptr) kernel::signal_wake_up(system, *sleeper_, nullptr);
  }

 private:
  friend class AioRequests;
  kernel::FutexWord counter_;  // 1 while none of the list has ended
  kernel::Thread* sleeper_ = nullptr;
};

/// The library's state in a process: one mutex over all of it.
class AioRequests {
 public:
  AioRequests(kernel::Os& os, Process& process, const AioParams& params, AioCosts& costs);
  ~AioRequests();
  AioRequests(const AioRequests&) = delete;
  AioRequests& operator=(const AioRequests&) = delete;

  /// aio_read, aio_write and aio_fsync past their checks. The request that the caller works on is
  /// the block's from then on, in stage `queue`. May sleep for the lock, and may make a thread.
  ///
  /// Order: those of one descriptor one after the other, as they came; descriptors in turn.
  Task<void> enqueue(kernel::Sleepable& user, Aiocb& block);
  /// aio_suspend of the caller's own requests: sleeps until one of the list has ended or `woken`
  /// holds; at once if one has. Each entry of the list is searched for.
  Task<void> suspend(kernel::Sleepable& user, std::span<Aiocb* const> list, Suspension& self,
                     const WakeCondition& woken);

  UserSync& sync() { return sync_; }
  const AioCounts& counts() const { return counts_; }
  std::uint64_t contended() const { return mutex_.contended(); }
  /// For checks: threads whose stacks are still there.
  std::size_t threads_kept() const { return helpers_.size(); }

 private:
  // struct requestlist.
  struct Request {
    Aiocb* block = nullptr;
    int fd = -1;
    Suspension* waiting = nullptr;  // its own thread alone ever waits for it
  };
  struct Helper;

  // All with the mutex held.
  Task<void> find_thread(kernel::Sleepable& user, Request& request);
  Task<void> start_helper(kernel::Sleepable& user, Request* first);
  Task<void> add_to_run_list(kernel::Sleepable& user, Request& request);
  Task<void> end(kernel::Sleepable& user, Request& request);
  Task<Request*> next(kernel::Sleepable& user);
  Request* find(const Aiocb& block, std::uint64_t& walked);
  Request& new_request(Aiocb& block);

  // Let the mutex go meanwhile; return with it.
  Task<void> sleep(kernel::Sleepable& user, Suspension& self, const WakeCondition& woken);
  Task<void> carry_out(kernel::Sleepable& helper, Request& request);
  Task<Result<std::int64_t>> call(kernel::Sleepable& helper, const Aiocb& block);

  kernel::Os& os_;
  Process& process_;
  const AioParams& params_;
  AioCosts& costs_;
  UserSync sync_;
  UserMutex mutex_;                                    // __aio_requests_mutex
  UserCondition news_;                                 // __aio_new_request_notification
  std::map<int, std::deque<Request*>> by_descriptor_;  // the first of each is run, or is next to be
  std::deque<Request*> run_list_;                      // wait for a thread
  std::deque<Request> storage_;
  std::vector<Request*> free_;
  std::int64_t threads_ = 0;
  std::int64_t idle_ = 0;  // of them, those that wait for news, or were signalled and not yet here
  AioCounts counts_;
  std::vector<std::unique_ptr<Helper>> helpers_;  // those that have ended too, until the next comes
};

}  // namespace iodrome::designs::posix_aio
