// SPDX-License-Identifier: Apache-2.0
#include "model/designs/linux_aio/kioctx.h"

#include "model/events/io.h"
#include "model/kernel/calls/file_calls.h"
#include "model/kernel/mm/allocation.h"
#include "model/kernel/vfs/write_ops.h"

namespace iodrome::designs::linux_aio {

using namespace kernel;
using Value = Result<std::int64_t>;

// A request in flight. It frees itself when its event is in the ring.
struct Kioctx::Kiocb : IoWait, Pooled {
  Kiocb(Kioctx& context, const Iocb& iocb)
      : IoWait(&Kiocb::device_done), owner(context), data(iocb.data) {
    ledger = iocb.ledger;
  }
  static Task<void> device_done(Atomic& ctx, IoWait& self) {
    auto& kiocb = static_cast<Kiocb&>(self);
    return kiocb.owner.complete(ctx, kiocb, as_return_value(kiocb.result()));
  }
  Value result() const { return write ? write->result() : read.result(); }
  Kioctx& owner;
  std::uint64_t data;
  DirectRead read;
  std::optional<DirectWrite> write;
};

Kioctx::Kioctx(Os& os, FileTable& files, AioCosts& costs, std::uint32_t events, WaitQueue& sleepers)
    : os_(os),
      files_(files),
      costs_(costs),
      ring_(std::bit_ceil(events + 2), sleepers),
      sleepers_(sleepers) {}

Task<Value> Kioctx::submit(Sleepable& user, std::span<const Iocb> iocbs) {
  return syscall(user, Sysno::io_submit, submit_body(user, iocbs));
}

Task<Value> Kioctx::submit_body(Sleepable& ctx, std::span<const Iocb> iocbs) {
  co_await ctx.spend(costs_.submit_call);
  std::int64_t accepted = 0;
  for (const Iocb& iocb : iocbs) {
    const Errno error = co_await submit_one(ctx, iocb);
    if (error != Errno::ok && accepted == 0) co_return fail(error);
    if (error != Errno::ok) break;
    ++accepted;
  }
  co_return accepted;
}

Task<Errno> Kioctx::submit_one(Sleepable& ctx, const Iocb& iocb) {
  const WorkOn work(ctx, iocb.ledger, events::Stage::kernel);
  co_await ctx.spend(costs_.prepare);
  co_await kernel::fault_in_user(ctx, iocb.pages, iocb.bytes);
  if (dead_) co_return Errno::einval;
  if (requests_active_ >= ring_.size()) co_return Errno::eagain;
  if (allocation_fails(os_.system, "kiocb")) co_return Errno::eagain;
  const Result<FilePtr> file = files_.get(iocb.fd);
  if (!file) co_return file.error();
  if (iocb.command == Command::fsync || iocb.command == Command::fdsync) co_return Errno::einval;
  ++requests_active_;
  ++in_flight_;
  auto* kiocb = new Kiocb(*this, iocb);
  ctx.emit(events::IoAccepted{iocb.data});
  Value started = fail(Errno::eagain);
  kiocb->submitter = &ctx;  // io_submit sleeps where the device's queue is full
  if (iocb.direct) started = co_await start(ctx, iocb, **file, *kiocb);
  kiocb->submitter = nullptr;
  if (!started && started.error() == Errno::eagain) {
    const Value done = co_await carry_out(ctx, iocb, *file);
    co_await complete(ctx, *kiocb, as_return_value(done));
    co_return Errno::ok;
  }
  if (!started) {
    --requests_active_;
    delete kiocb;
    co_await ended(ctx);
    co_return started.error();
  }
  // Nothing is pending at the end of the file, or when the device was faster than this call.
  if (kiocb->pending == 0) {
    const Value result = *started == 0 ? started : kiocb->result();
    co_await complete(ctx, *kiocb, as_return_value(result));
  }
  co_return Errno::ok;
}

Task<Value> Kioctx::start(Sleepable& ctx, const Iocb& iocb, const File& file, Kiocb& kiocb) {
  if (iocb.command == Command::pread)
    return kiocb.read.start(ctx, os_, file, iocb.offset, iocb.bytes, iocb.pages, kiocb);
  kiocb.write.emplace();
  return kiocb.write->start(ctx, os_, file, iocb.offset, iocb.bytes, iocb.pages, kiocb);
}

// What cannot be started and left alone: the submitter does it.
Task<Value> Kioctx::carry_out(Sleepable& ctx, const Iocb& iocb, FilePtr file) {
  if (iocb.command == Command::pread)
    return pread_blocking(ctx, os_, std::move(file), iocb.direct, iocb.offset, iocb.bytes,
                          iocb.pages);
  return pwrite_blocking(ctx, os_, std::move(file), iocb.direct, iocb.offset, iocb.bytes,
                         iocb.pages);
}

Task<void> Kioctx::complete(Atomic& ctx, Kiocb& kiocb, std::int64_t res) {
  co_await ctx.spend(costs_.complete);
  const IoEvent event{kiocb.data, res};
  events::StageLedger* const ledger = kiocb.ledger;
  delete &kiocb;
  {
    Spinlock::Guard guard = co_await lock_.lock(ctx);
    ctx.emit(events::IoComplete{event.data, static_cast<std::uint64_t>(res)});
    if (ledger != nullptr) {
      // From here on the request waits for the application, whatever this context does.
      if (ctx.ledger() == ledger) ctx.stop_work();
      ledger->enter(events::Stage::reap, ctx.now());
    }
    const bool posted = co_await ring_.post(ctx, event);
    check(posted, "an accepted AIO request found no ring slot");
  }
  co_await ended(ctx);
}

Task<void> Kioctx::ended(Atomic& ctx) {
  --in_flight_;
  return dead_ && in_flight_ == 0 ? last_event_.wake_all(ctx) : Task<void>::ready();
}

Task<void> Kioctx::exit(Sleepable& ctx) {
  dead_ = true;
  co_await sleepers_.wake_all(ctx);
  while (in_flight_ > 0) co_await last_event_.wait(ctx, "exit_aio", events::Stage::reap);
}

Task<Value> Kioctx::getevents(Sleepable& user, std::uint32_t min, std::span<IoEvent> to) {
  return syscall(user, Sysno::io_getevents, getevents_body(user, min, to));
}

Task<Value> Kioctx::getevents_body(Sleepable& ctx, std::uint32_t min, std::span<IoEvent> to) {
  co_await ctx.spend(costs_.getevents);
  std::size_t copied = 0;
  for (;;) {
    while (copied < to.size()) {
      const std::optional<IoEvent> event = co_await ring_.take(ctx);
      if (!event) break;
      co_await ctx.spend(costs_.copy_event);
      to[copied++] = *event;
      --requests_active_;
    }
    if (copied >= min) co_return static_cast<std::int64_t>(copied);
    const bool more = co_await ring_.has_entries(ctx);
    if (dead_) co_return fail(Errno::eintr);
    if (!more) co_await sleepers_.wait(ctx, "io_getevents", events::Stage::reap);
  }
}

Task<Value> Kioctx::epoll_wait(Sleepable& user, const WakeCondition& woken) {
  return syscall(user, Sysno::epoll_wait, epoll_body(user, woken));
}

Task<Value> Kioctx::epoll_body(Sleepable& ctx, const WakeCondition& woken) {
  co_await ctx.spend(ctx.costs().event_wait);
  for (;;) {
    const bool events = co_await ring_.has_entries(ctx);
    if (events || woken.holds()) co_return 1;
    if (dead_) co_return fail(Errno::eintr);
    co_await sleepers_.wait(ctx, "epoll_wait", events::Stage::arrival);
  }
}

}  // namespace iodrome::designs::linux_aio
