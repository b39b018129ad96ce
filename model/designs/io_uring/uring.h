// SPDX-License-Identifier: Apache-2.0
// io_uring, the kernel side: submission and completion rings, linked requests, direct descriptors,
// workers.
//
// Modelled as set up with SINGLE_ISSUER | DEFER_TASKRUN: completions found by interrupts or workers
// become visible when the owner enters with GETEVENTS. Source: Linux io_uring/ as of 6.1 and its
// manual pages.
#pragma once
#include <deque>
#include <list>

#include "model/designs/design.h"
#include "model/kernel/kthread/kthread.h"
#include "model/kernel/ring/completion_ring.h"
#include "model/kernel/ring/submission_ring.h"

namespace iodrome::designs::io_uring {

struct UringCosts {
  kernel::Cost sqe_prepare;  // user: an SQE filled in
  kernel::Cost enter;        // io_uring_enter's own work, per call
  kernel::Cost issue;        // per SQE: consumed, request allocated, prepared, issued
  kernel::Cost rw_prepare;   // a read or write: what its set-up adds to that of a no-op
  kernel::Cost task_work;    // per completion run as task work
  kernel::Cost cqe_post;     // a CQE written
  kernel::Cost cqe_reap;     // user: a CQE read
};

enum class Opcode : std::uint8_t {
  nop,
  openat,
  openat_direct,
  statx,
  read,
  splice_in,
  splice_out,
  close,
  close_direct,
  write,
  fsync,
  unlinkat,
  timeout,  // with IORING_TIMEOUT_ETIME_SUCCESS
  accept,   // into the process's table
  connect,
  recv,
  send,  // with MSG_WAITALL
  poll_add,
  read_event  // IORING_OP_READ of an inotify instance, with room for one event
};

/// A submission queue entry, as far as the model uses one.
struct Sqe {
  Opcode opcode = Opcode::nop;
  bool link = false;          // IOSQE_IO_LINK
  bool skip_success = false;  // IOSQE_CQE_SKIP_SUCCESS
  bool direct_io = false;     // the file was opened with O_DIRECT
  bool fixed_file = false;    // of the direct descriptor (IOSQE_FIXED_FILE)
  bool data_only = false;     // fsync: IORING_FSYNC_DATASYNC
  bool read_only = false;     // an open without flags: nobody will write
  std::int32_t open_flags = 0;
  int fd = -1;                // of the process: of what is worked on; splice_out: the socket
  std::uint32_t slot = 0;     // direct descriptor
  std::uint32_t in_page = 0;  // send, recv: where in the first page
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;             // timeout: ns; connect: the port; poll_add: the events
  const std::string* path = nullptr;   // statx without one goes by fd (AT_EMPTY_PATH)
  std::int64_t* statx_size = nullptr;  // of the caller's buffer, the one field that is looked at
  kernel::Pipe* pipe = nullptr;
  std::span<const hw::PhysAddr> pages;
  events::StageLedger* ledger = nullptr;
  std::uint64_t request = 0;  // for observers
  std::uint64_t user_data = 0;
};

struct Cqe {
  std::uint64_t user_data = 0;
  std::int64_t res = 0;
};

struct UringParams {
  std::int64_t sq_entries = 0;
  std::int64_t direct_slots = 0;
  std::int64_t workers_max = 0;  // io-wq threads
  bool iopoll = false;           // IORING_SETUP_IOPOLL
};

class Uring {
 public:
  Uring(kernel::Os& os, kernel::FileTable& files, UringCosts& costs, const UringParams& params,
        kernel::WaitQueue& sleepers, SubmitTimes& held);

  // User side.
  std::uint32_t sq_entries() const { return sq_.size(); }
  /// Queues a batch whole. False if there is no room for it.
  Task<bool> push(kernel::Sleepable& user, std::span<const Sqe> sqes);
  /// Whether one more SQE would fit.
  Task<bool> sq_has_room(kernel::Sleepable& user);
  /// Takes the oldest CQE, if there is one; what it costs to read is owed then.
  Task<std::optional<Cqe>> take(kernel::Sleepable& user);

  /// io_uring_enter(2): consumes the whole SQ. With `getevents` it runs task work; with `woken` it
  /// then sleeps until a CQE is visible or `woken` holds; with IOPOLL it looks for ends at the
  /// device instead, as long as some are to come and nobody else needs the CPU. Returns the SQEs
  /// consumed.
  /// Errors: EAGAIN if there was no memory for the first. Without memory for a later one the rest
  /// stays queued. Such a call does not sleep.
  Task<Result<std::int64_t>> enter(kernel::Sleepable& user, bool getevents,
                                   const WakeCondition* woken);

  /// The file behind a direct descriptor, or nullptr.
  kernel::FilePtr direct_file(std::uint32_t slot) const {
    return slot < direct_.size() ? direct_[slot] : nullptr;
  }

 private:
  struct Req;
  Task<std::uint32_t> submit_sqes(kernel::Sleepable& ctx, std::uint32_t count);
  Task<void> start(kernel::Sleepable& ctx, Req* req);
  Task<void> punt(kernel::Sleepable& ctx, Req* req);
  Task<void> start_timeout(kernel::Sleepable& ctx, Req* req);
  Task<void> read_on(kernel::Sleepable& ctx, Req* req);
  Task<void> try_on(kernel::Sleepable& ctx, Req* req);
  // uring_sockets.cpp
  static bool on_socket(Opcode opcode);
  Task<Result<std::int64_t>> try_socket(kernel::Sleepable& ctx, Req& req, kernel::IoWait& wait);
  Task<Result<std::int64_t>> socket_blocking(kernel::Sleepable& ctx, Req& req);
  Task<Result<std::int64_t>> try_accept(kernel::Sleepable& ctx, Req& req, bool first,
                                        kernel::IoWait& wait);
  Task<Result<std::int64_t>> try_connect(kernel::Sleepable& ctx, Req& req, bool first,
                                         kernel::IoWait& wait);
  Task<Result<std::int64_t>> try_recv(kernel::Sleepable& ctx, Req& req, bool first,
                                      kernel::IoWait& wait);
  Task<Result<std::int64_t>> try_read_event(kernel::Sleepable& ctx, Req& req, bool first,
                                            kernel::IoWait& wait);
  Task<Result<std::int64_t>> try_send(kernel::Sleepable& ctx, Req& req, bool first,
                                      kernel::IoWait& wait);
  Task<Result<std::int64_t>> issue(kernel::Sleepable& ctx, Req& req);
  Task<Result<std::int64_t>> issue_open(kernel::Sleepable& ctx, Req& req);
  Task<Result<std::int64_t>> issue_close(kernel::Sleepable& ctx, Req& req);
  Task<Result<std::int64_t>> issue_read(kernel::Sleepable& ctx, Req& req);
  Task<Result<std::int64_t>> issue_write(kernel::Sleepable& ctx, Req& req);
  static Result<std::int64_t> direct_result(const Req& req);
  Task<Result<std::int64_t>> issue_blocking(kernel::Sleepable& ctx, Req& req);
  Task<void> finish(kernel::Sleepable& ctx, Req* req, std::int64_t res);
  Task<void> follow(kernel::Sleepable& ctx, Req* next, bool severed, bool silent);
  Task<void> cancel(kernel::Sleepable& ctx, Req* next, bool silent);
  Task<void> post(kernel::Sleepable& ctx, const Sqe& sqe, std::int64_t res);
  Task<void> show(kernel::Sleepable& ctx, const Cqe& cqe);
  Task<void> add_task_work(kernel::Atomic& ctx, Req& req);
  Task<void> poll_ended(kernel::Atomic& ctx, Req& req);
  Task<void> do_iopoll(kernel::Sleepable& ctx);
  Errno refused_by_iopoll(const Sqe& sqe) const;
  Task<void> flush_overflow(kernel::Sleepable& ctx);
  Result<kernel::FilePtr> file_of(const Sqe& sqe) const;
  Task<Result<std::int64_t>> put_opened(kernel::Sleepable& ctx, const Sqe& sqe,
                                        kernel::FilePtr file);
  static bool forced_async(const Sqe& sqe);
  static bool failed(const Sqe& sqe, std::int64_t res);

  // Requests one behind the other.
  struct ReqQueue {
    Req* first = nullptr;
    Req* last = nullptr;
    bool empty() const { return first == nullptr; }
    void push_back(Req& req);
    Req& take_front();
  };

  kernel::Os& os_;
  kernel::FileTable& files_;
  UringCosts& costs_;
  kernel::WaitQueue& sleepers_;
  ReqQueue task_work_;
  std::list<Cqe> overflow_;
  const bool iopoll_;
  kernel::SubmissionRing<Sqe> sq_;
  kernel::CompletionRing<Cqe> cq_;
  kernel::KthreadPool workers_;
  std::deque<Req*> polled_;  // iopoll_list: at the device, in the order of their issue
  SubmitTimes& held_;
  std::vector<kernel::FilePtr> direct_;
};

}  // namespace iodrome::designs::io_uring
