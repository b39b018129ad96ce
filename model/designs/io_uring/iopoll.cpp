// SPDX-License-Identifier: Apache-2.0
// IORING_SETUP_IOPOLL: what such a ring takes, and looks at the device instead of waits.
#include "model/designs/io_uring/request.h"

namespace iodrome::designs::io_uring {

using namespace kernel;

// EINVAL for operations that nobody can poll for, which io_init_req() finds; EOPNOTSUPP for files
// without O_DIRECT, as in io_rw_init_file().
Errno Uring::refused_by_iopoll(const Sqe& sqe) const {
  if (sqe.opcode == Opcode::nop) return Errno::ok;
  if (sqe.opcode != Opcode::read && sqe.opcode != Opcode::write) return Errno::einval;
  return sqe.direct_io ? Errno::ok : Errno::eopnotsupp;
}

// io_complete_rw_iopoll(): in the context of whoever has looked, the owner or another ring's.
Task<void> Uring::poll_ended(Atomic& ctx, Req& req) {
  req.iopoll_completed = true;
  if (req.ledger == nullptr) return Task<void>::ready();
  if (ctx.ledger() == req.ledger) ctx.stop_work();
  req.ledger->enter(events::Stage::kernel, ctx.now());
  return Task<void>::ready();
}

// io_do_iopoll(): a look for the oldest, unless there are CQEs to take already; then the CQEs of
// all that have ended, up to the first that has not.
Task<void> Uring::do_iopoll(Sleepable& ctx) {
  const bool visible = co_await cq_.has_entries(ctx);
  if (visible) co_return;
  const Req& oldest = *polled_.front();
  if (!oldest.iopoll_completed) co_await oldest.place.device->poll(ctx, oldest.place);
  while (!polled_.empty() && polled_.front()->iopoll_completed) {
    Req* const req = polled_.front();
    polled_.pop_front();
    const WorkOn work(ctx, req->ledger, events::Stage::kernel);
    co_await finish(ctx, req, req->result);
  }
}

}  // namespace iodrome::designs::io_uring
