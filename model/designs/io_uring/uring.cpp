// SPDX-License-Identifier: Apache-2.0
#include "model/designs/io_uring/request.h"

#include "model/events/io.h"
#include "model/kernel/calls/file_calls.h"
#include "model/kernel/mm/allocation.h"
#include "model/kernel/time/sleep.h"
#include "model/kernel/vfs/name_ops.h"
#include "model/kernel/vfs/write_ops.h"

namespace iodrome::designs::io_uring {

using namespace kernel;
using Value = Result<std::int64_t>;

Uring::Uring(Os& os, FileTable& files, UringCosts& costs, const UringParams& params,
             WaitQueue& sleepers, SubmitTimes& held)
    : os_(os),
      files_(files),
      costs_(costs),
      sleepers_(sleepers),
      iopoll_(params.iopoll),
      sq_(std::bit_ceil(static_cast<std::uint32_t>(params.sq_entries))),
      cq_(2 * sq_.size(), sleepers),
      workers_(os.system, "iou-wrk", 0, static_cast<std::uint32_t>(params.workers_max)),
      held_(held),
      direct_(static_cast<std::size_t>(params.direct_slots)) {}

// IORING_OP_FSYNC always blocks, and Linux does not even try.
bool Uring::forced_async(const Sqe& sqe) {
  const Opcode opcode = sqe.opcode;
  return opcode == Opcode::statx || opcode == Opcode::fsync || opcode == Opcode::splice_in ||
         opcode == Opcode::splice_out || opcode == Opcode::unlinkat || sqe.open_flags != 0;
}

// Whether a result severs the link: errors, and transfers that are shorter than asked.
bool Uring::failed(const Sqe& sqe, std::int64_t res) {
  if (res < 0) return true;
  const bool transfer = sqe.opcode == Opcode::read || sqe.opcode == Opcode::write ||
                        sqe.opcode == Opcode::splice_in || sqe.opcode == Opcode::splice_out ||
                        sqe.opcode == Opcode::send;
  return transfer && res != static_cast<std::int64_t>(sqe.bytes);
}

Result<FilePtr> Uring::file_of(const Sqe& sqe) const {
  if (!sqe.fixed_file) return files_.get(sqe.fd);
  FilePtr file = direct_file(sqe.slot);
  if (file == nullptr) return fail(Errno::ebadf);
  return file;
}

// Where an opened file goes: the process's table, or a slot of the ring's own.
Task<Value> Uring::put_opened(Sleepable& ctx, const Sqe& sqe, FilePtr file) {
  if (sqe.read_only) file->writable = false;
  if (sqe.opcode == Opcode::openat) {
    const Result<int> fd = co_await install_file(ctx, files_, std::move(file));
    if (!fd) co_return fail(fd.error());
    co_return *fd;
  }
  if (sqe.slot >= direct_.size()) co_return fail(Errno::einval);
  direct_[sqe.slot] = std::move(file);
  co_return 0;
}

Task<bool> Uring::push(Sleepable& user, std::span<const Sqe> sqes) {
  return then(sq_.load_head(user), [this, &user, sqes](std::uint32_t head) {
    if (sqes.size() > sq_.room(head)) return Task<bool>::ready(false);
    return then(user.spend(costs_.sqe_prepare, sqes.size()), [this, &user, sqes] {
      for (const Sqe& sqe : sqes) sq_.write(sqe);
      return then(sq_.publish(user), [] { return Task<bool>::ready(true); });
    });
  });
}

Task<bool> Uring::sq_has_room(Sleepable& user) {
  return then(sq_.load_head(user),
              [this](std::uint32_t head) { return Task<bool>::ready(sq_.room(head) > 0); });
}

Task<std::optional<Cqe>> Uring::take(Sleepable& user) {
  using Taken = Task<std::optional<Cqe>>;
  return then(cq_.take(user), [this, &user](const std::optional<Cqe>& cqe) {
    if (!cqe) return Taken::ready(cqe);
    user.owe(costs_.cqe_reap);
    return Taken::ready(cqe);
  });
}

Task<Value> Uring::enter(Sleepable& ctx, bool getevents, const WakeCondition* woken) {
  std::optional<SubmittingCall> counted;
  if (sq_.unsubmitted() != 0) counted.emplace(held_, ctx);
  Crossing crossing(ctx, Sysno::io_uring_enter);
  co_await crossing.enter(costs_.enter);
  const std::uint32_t tail = co_await sq_.load_tail(ctx);
  const std::uint32_t to_submit = sq_.waiting(tail);
  std::uint32_t consumed = 0;
  if (to_submit != 0) consumed = co_await submit_sqes(ctx, to_submit);
  // As Linux: a call that could not submit everything does not wait.
  const bool waits = woken != nullptr && consumed == to_submit;
  SimTime submitted = kNever;
  Duration blocked{};
  while (getevents) {
    if (!overflow_.empty()) co_await flush_overflow(ctx);
    while (!task_work_.empty()) {
      Req* const req = &task_work_.take_front();
      const WorkOn work(ctx, req->ledger, events::Stage::kernel);
      ctx.owe(costs_.task_work);
      // What its CQE costs, or the next request's start, comes next.
      if (req->tries_again() || req->sqe.skip_success) co_await ctx.spend();
      if (req->tries_again())
        co_await try_on(ctx, req);
      else
        co_await finish(ctx, req, req->result);
    }
    if (submitted == kNever) {
      submitted = ctx.now();
      blocked = ctx.thread().blocked_total;
      if (counted) counted->begin_waiting();
    }
    if (iopoll_ && !polled_.empty()) co_await do_iopoll(ctx);
    if (!waits) break;
    const bool visible = co_await cq_.has_entries(ctx);
    if (visible || woken->holds()) break;
    // As Linux it returns; the CPU goes already here, since user code may not work before it is
    // back.
    if (iopoll_ && !polled_.empty() && ctx.cpu().need_resched()) {
      co_await ctx.cond_resched();
      break;
    }
    if (iopoll_ && !polled_.empty()) continue;
    if (task_work_.empty()) co_await sleepers_.wait(ctx, "io_uring_enter", events::Stage::reap);
  }
  if (counted && submitted != kNever)
    counted->leave_out(ctx.now() - submitted, ctx.thread().blocked_total - blocked);
  const Value value =
      consumed == 0 && to_submit != 0 ? Value(fail(Errno::eagain)) : Value(consumed);
  co_await crossing.leave();
  crossing.end(as_return_value(value));
  co_return value;
}

// Returns how many of them there was memory for.
Task<std::uint32_t> Uring::submit_sqes(Sleepable& ctx, std::uint32_t count) {
  Req* head = nullptr;
  Req* tail = nullptr;
  std::uint32_t consumed = 0;
  for (; consumed < count; ++consumed) {
    if (head == nullptr && allocation_fails(os_.system, "io_uring request")) break;
    auto* const req = new Req(*this, sq_.take());
    const WorkOn work(ctx, req->ledger, events::Stage::kernel);
    const bool moves = req->sqe.opcode == Opcode::read || req->sqe.opcode == Opcode::write;
    ctx.owe(costs_.issue);
    const bool prepares = moves || req->sqe.opcode == Opcode::read_event;
    ctx.owe(costs_.rw_prepare, prepares ? 1 : 0);
    // A direct read spends before it does anything that others could see, if no page is absent;
    // but for IoAccepted, which observers alone hear of, that much earlier.
    const bool reads = req->sqe.opcode == Opcode::read && req->sqe.direct_io && !req->sqe.link;
    if (head != nullptr || !reads || os_.system.first_touch.on_demand) co_await ctx.spend();
    if (moves) co_await kernel::fault_in_user(ctx, req->sqe.pages, req->sqe.bytes);
    if (head == nullptr) {
      head = tail = req;
    } else {
      tail = tail->next = req;
    }
    // A chain ends at the first SQE without the flag, or with the batch.
    if (req->sqe.link && consumed + 1 < count) continue;
    ctx.emit(events::IoAccepted{head->sqe.request});
    co_await start(ctx, std::exchange(head, nullptr));
  }
  co_await sq_.commit(ctx);
  co_return consumed;
}

// Issues a request in the owner's context: without blocking, else by a worker. The caller's scope
// takes the context off the request.
Task<void> Uring::start(Sleepable& ctx, Req* req) {
  ctx.work_on(req->ledger, events::Stage::kernel);
  const Errno refused = iopoll_ ? refused_by_iopoll(req->sqe) : Errno::ok;
  if (refused != Errno::ok) return finish(ctx, req, -static_cast<std::int64_t>(refused));
  const bool moves = req->sqe.opcode == Opcode::read || req->sqe.opcode == Opcode::write;
  if (moves && req->sqe.bytes > req->sqe.pages.size() * hw::kPageBytes)
    return finish(ctx, req, -static_cast<std::int64_t>(Errno::efault));
  if (req->sqe.opcode == Opcode::read && !req->sqe.direct_io) return read_on(ctx, req);
  if (req->sqe.opcode == Opcode::timeout) return start_timeout(ctx, req);
  if (on_socket(req->sqe.opcode)) return try_on(ctx, req);
  if (forced_async(req->sqe)) return punt(ctx, req);
  return then(issue(ctx, *req), [this, &ctx, req, moves](Value result) {
    if (moves && result && *result != 0) {
      if (req->pending != 0) {  // an interrupt will end it, or a look at the device
        if (req->place.device != nullptr) polled_.push_back(req);
        ctx.stop_work();
        return Task<void>::ready();
      }
      result = direct_result(*req);
    }
    const bool again = !result && result.error() == Errno::eagain;
    return again ? punt(ctx, req) : finish(ctx, req, as_return_value(result));
  });
}

Task<void> Uring::punt(Sleepable& ctx, Req* req) {
  if (req->ledger != nullptr) {
    ctx.stop_work();
    req->ledger->enter(events::Stage::queue, ctx.now());
  }
  return workers_.queue(ctx, *req);
}

// Its CQE's -ETIME is no failure of the link; that its time has come reads 0 here.
Task<void> Uring::start_timeout(Sleepable& ctx, Req* req) {
  req->timeout = std::make_unique<Req::Timeout>(*req);
  if (ctx.ledger() == req->ledger) ctx.stop_work();
  if (req->ledger != nullptr) req->ledger->enter(events::Stage::queue, ctx.now());
  const std::chrono::nanoseconds wait{static_cast<std::int64_t>(req->sqe.bytes)};
  co_await req->timeout->start(ctx, later(ctx.now(), wait));
}

// A buffered read in the owner's context, from its start or from where a missing page stopped it.
// The page's arrival queues task work, which comes back here; no worker is needed (IOCB_WAITQ).
Task<void> Uring::read_on(Sleepable& ctx, Req* req) {
  const Sqe& sqe = req->sqe;
  if (!req->buffered) {
    const Result<FilePtr> file = file_of(sqe);
    if (!file) co_return co_await finish(ctx, req, as_return_value(Value(fail(file.error()))));
    req->buffered = std::make_unique<Req::Buffered>(*file, sqe.offset, sqe.bytes, sqe.pages);
  }
  co_await try_on(ctx, req);
}

// A request that tries again whenever what it waited for has come, in the owner's context.
Task<void> Uring::try_on(Sleepable& ctx, Req* req) {
  for (;;) {
    req->trying = true;
    Task<Value> attempt =
        req->buffered ? req->buffered->try_run(ctx, os_, *req) : try_socket(ctx, *req, *req);
    const Value result = co_await std::move(attempt);
    req->trying = false;
    if (result || result.error() != Errno::eagain)
      co_return co_await finish(ctx, req, as_return_value(result));
    if (!std::exchange(req->look_again, false)) break;
  }
  if (ctx.ledger() == nullptr || ctx.ledger() != req->ledger) co_return;
  ctx.stop_work();
  if (req->ledger->stage() != events::Stage::device) req->ledger->enter(req->stage, ctx.now());
}

// The non-blocking attempt. EAGAIN: a worker must do it. A read may have only begun.
Task<Value> Uring::issue(Sleepable& ctx, Req& req) {
  switch (req.sqe.opcode) {
    case Opcode::read:
      return issue_read(ctx, req);
    case Opcode::write:
      return issue_write(ctx, req);
    case Opcode::openat:
    case Opcode::openat_direct:
      return issue_open(ctx, req);
    case Opcode::close:
      return close_file(ctx, files_, req.sqe.fd);
    case Opcode::close_direct:
      return issue_close(ctx, req);
    case Opcode::nop:
      return Task<Value>::ready(0);
    default:
      return Task<Value>::ready(fail(Errno::eagain));
  }
}

Task<Value> Uring::issue_open(Sleepable& ctx, Req& req) {
  Result<FilePtr> file = co_await try_open(ctx, os_, *req.sqe.path, nullptr);
  if (!file) co_return fail(file.error());
  co_return co_await put_opened(ctx, req.sqe, std::move(*file));
}

Task<Value> Uring::issue_close(Sleepable& ctx, Req& req) {
  co_await ctx.spend(ctx.costs().file_close);
  if (direct_file(req.sqe.slot) == nullptr) co_return fail(Errno::ebadf);
  const FilePtr file = std::move(direct_[req.sqe.slot]);
  direct_[req.sqe.slot] = nullptr;
  const bool last = file->references == 1 && file->inode != nullptr;
  if (last) co_await fsnotify_close(ctx, *file);
  co_return 0;
}

Task<Value> Uring::issue_read(Sleepable& ctx, Req& req) {
  const Sqe& sqe = req.sqe;
  const Result<FilePtr> file = file_of(sqe);
  if (!file) return Task<Value>::ready(fail(file.error()));
  req.file = *file;
  req.polls = iopoll_;
  return req.read.start(ctx, os_, *req.file, sqe.offset, sqe.bytes, sqe.pages, req);
}

Value Uring::direct_result(const Req& req) {
  return req.write ? req.write->result() : req.read.result();
}

// Buffered writes, holes and extending writes take the inode's lock and go to a worker.
Task<Value> Uring::issue_write(Sleepable& ctx, Req& req) {
  const Sqe& sqe = req.sqe;
  const Result<FilePtr> file = file_of(sqe);
  if (!file) return Task<Value>::ready(fail(file.error()));
  if (!sqe.direct_io) return Task<Value>::ready(fail(Errno::eagain));
  req.file = *file;
  req.polls = iopoll_;
  req.write = std::make_unique<Req::Write>();
  return req.write->start(ctx, os_, *req.file, sqe.offset, sqe.bytes, sqe.pages, req);
}

// The same operations where sleeping is allowed.
Task<Value> Uring::issue_blocking(Sleepable& ctx, Req& req) {
  const Sqe& sqe = req.sqe;
  switch (sqe.opcode) {
    case Opcode::openat:
    case Opcode::openat_direct: {
      Task<Result<FilePtr>> opening = sqe.open_flags == 0
                                          ? open_blocking(ctx, os_, *sqe.path)
                                          : open_file(ctx, os_, *sqe.path, sqe.open_flags);
      Result<FilePtr> file = co_await std::move(opening);
      if (!file) co_return fail(file.error());
      co_return co_await put_opened(ctx, sqe, std::move(*file));
    }
    case Opcode::unlinkat:
      co_return co_await unlink_file(ctx, os_, *sqe.path);
    case Opcode::statx: {
      Result<FilePtr> file = files_.get(sqe.fd);
      if (sqe.path != nullptr) file = co_await open_blocking(ctx, os_, *sqe.path);
      if (!file) co_return fail(file.error());
      const Value size = co_await stat_file(ctx, **file);
      if (!size) co_return size;
      *sqe.statx_size = *size;
      co_return 0;
    }
    case Opcode::read: {
      const Result<FilePtr> file = file_of(sqe);
      if (!file) co_return fail(file.error());
      co_return co_await pread_blocking(ctx, os_, *file, sqe.direct_io, sqe.offset, sqe.bytes,
                                        sqe.pages);
    }
    case Opcode::write: {
      const Result<FilePtr> file = file_of(sqe);
      if (!file) co_return fail(file.error());
      co_return co_await pwrite_blocking(ctx, os_, *file, sqe.direct_io, sqe.offset, sqe.bytes,
                                         sqe.pages);
    }
    case Opcode::fsync: {
      const Result<FilePtr> file = file_of(sqe);
      if (!file) co_return fail(file.error());
      co_return co_await fsync_blocking(ctx, os_, *file, sqe.data_only);
    }
    case Opcode::splice_in: {
      const Result<FilePtr> file = file_of(sqe);
      if (!file) co_return fail(file.error());
      co_return co_await splice_in_blocking(ctx, os_, *file, *sqe.pipe, sqe.offset, sqe.bytes);
    }
    case Opcode::splice_out: {
      const Result<FilePtr> socket = files_.get(sqe.fd);
      if (!socket) co_return fail(socket.error());
      co_return co_await splice_out_blocking(ctx, os_, *sqe.pipe, *socket, sqe.bytes);
    }
    case Opcode::timeout: {
      const std::chrono::nanoseconds wait{static_cast<std::int64_t>(sqe.bytes)};
      co_await schedule_hrtimeout(ctx, later(ctx.now(), wait), "timeout", events::Stage::queue);
      co_return 0;
    }
    default:
      if (on_socket(sqe.opcode)) co_return co_await socket_blocking(ctx, req);
      co_return co_await issue(ctx, req);
  }
}

Task<void> Uring::Req::run(Sleepable& ctx) {
  Uring& ring = owner;
  Req* req = this;
  while (req != nullptr) {
    const WorkOn work(ctx, req->ledger, events::Stage::kernel);
    const Value value = co_await ring.issue_blocking(ctx, *req);
    Req* const current = req;
    current->result = as_return_value(value);
    req = failed(current->sqe, current->result) ? nullptr : std::exchange(current->next, nullptr);
    // With a next step the ledger stays here; a step whose success nobody hears of ends in silence.
    if (req != nullptr && current->sqe.skip_success) {
      delete current;
      continue;
    }
    current->socket = nullptr;  // its end is known: the owner does not try again
    co_await ring.add_task_work(ctx, *current);
  }
}

// Ends a request in the owner's context: its CQE, then its successor or the cancellation of the
// rest.
Task<void> Uring::finish(Sleepable& ctx, Req* req, std::int64_t res) {
  const bool severed = failed(req->sqe, res);
  const bool silent = req->sqe.skip_success;
  return then(severed || !silent ? post(ctx, req->sqe, res) : Task<void>::ready(),
              [this, &ctx, req, severed, silent] {
                Req* const next = req->next;
                delete req;
                return next == nullptr ? Task<void>::ready() : follow(ctx, next, severed, silent);
              });
}

Task<void> Uring::follow(Sleepable& ctx, Req* next, bool severed, bool silent) {
  return severed ? cancel(ctx, next, silent) : start(ctx, next);
}

Task<void> Uring::cancel(Sleepable& ctx, Req* next, bool silent) {
  while (next != nullptr) {
    Req* const cancelled = std::exchange(next, next->next);
    // Behind a request that skips success, the cancelled tail is as silent as its success would
    // have been.
    if (!silent) co_await post(ctx, cancelled->sqe, -static_cast<std::int64_t>(Errno::ecanceled));
    delete cancelled;
  }
}

Task<void> Uring::post(Sleepable& ctx, const Sqe& sqe, std::int64_t res) {
  return then(ctx.spend(costs_.cqe_post), [this, &ctx, &sqe, res] {
    ctx.emit(events::IoComplete{sqe.request, static_cast<std::uint64_t>(res)});
    if (sqe.ledger != nullptr) {
      if (ctx.ledger() == sqe.ledger) ctx.stop_work();
      sqe.ledger->enter(events::Stage::reap, ctx.now());
    }
    return show(ctx, {sqe.user_data, res});
  });
}

// Once one CQE has overflowed, all go the same way, so that their order is kept.
Task<void> Uring::show(Sleepable& ctx, const Cqe& cqe) {
  return then(overflow_.empty() ? cq_.post(ctx, cqe) : Task<bool>::ready(false),
              [this, cqe](bool posted) {
                if (!posted) overflow_.push_back(cqe);
                return Task<void>::ready();
              });
}

Task<void> Uring::flush_overflow(Sleepable& ctx) {
  while (!overflow_.empty()) {
    const Cqe cqe = overflow_.front();
    const bool posted = co_await cq_.post(ctx, cqe);
    if (!posted) co_return;
    overflow_.pop_front();
  }
}

Task<void> Uring::add_task_work(Atomic& ctx, Req& req) {
  if (req.ledger != nullptr) {
    if (ctx.ledger() == req.ledger) ctx.stop_work();
    req.ledger->enter(events::Stage::wakeup, ctx.now());
  }
  task_work_.push_back(req);
  return sleepers_.wake_one(ctx);
}

}  // namespace iodrome::designs::io_uring
