// SPDX-License-Identifier: Apache-2.0
// Requests on sockets, and polls. Each is tried without blocking; what would block is told when it
// may go on (io_arm_poll_handler()), by task work of the owner, and tries again. No worker is
// needed.
#include "model/designs/io_uring/request.h"
#include "model/kernel/mm/first_touch.h"
#include "model/kernel/socket/socket_file.h"

namespace iodrome::designs::io_uring {

namespace {

// A step whose length only the run tells may reach past the memory that it was given.
bool has_room(const Sqe& sqe) {
  const std::uint64_t room = sqe.pages.size() * hw::kPageBytes;
  return sqe.bytes <= room && sqe.in_page <= room - sqe.bytes;
}

}  // namespace

bool Uring::on_socket(Opcode opcode) {
  return opcode == Opcode::accept || opcode == Opcode::connect || opcode == Opcode::recv ||
         opcode == Opcode::send || opcode == Opcode::poll_add || opcode == Opcode::read_event;
}

Task<Value> Uring::try_socket(Sleepable& ctx, Req& req, IoWait& wait) {
  const bool first = req.socket == nullptr;
  if (first) {
    Result<FilePtr> file = file_of(req.sqe);
    if (!file) return Task<Value>::ready(fail(file.error()));
    const bool any_file =
        req.sqe.opcode == Opcode::poll_add || req.sqe.opcode == Opcode::read_event;
    if (!any_file && (*file)->socket == nullptr) return Task<Value>::ready(fail(Errno::enotsock));
    req.file = std::move(*file);
    req.socket = std::make_unique<Req::SocketWork>();
  }
  switch (req.sqe.opcode) {
    case Opcode::accept:
      return try_accept(ctx, req, first, wait);
    case Opcode::connect:
      return try_connect(ctx, req, first, wait);
    case Opcode::recv:
      return try_recv(ctx, req, first, wait);
    case Opcode::send:
      return try_send(ctx, req, first, wait);
    case Opcode::read_event:
      return try_read_event(ctx, req, first, wait);
    default:
      if (first) req.socket->poll.emplace(req.file, static_cast<PollEvents>(req.sqe.bytes));
      return req.socket->poll->try_run(ctx, wait);
  }
}

// In a worker, to which a link has come.
Task<Value> Uring::socket_blocking(Sleepable& ctx, Req& req) {
  for (;;) {
    BlockingWait wait(ctx);
    const Value value = co_await try_socket(ctx, req, wait);
    if (value || value.error() != Errno::eagain) co_return value;
    co_await wait.wait("socket");
  }
}

Task<Value> Uring::try_accept(Sleepable& ctx, Req& req, bool first, IoWait& wait) {
  SocketFile* const listener = socket_of(*req.file);
  if (listener == nullptr) co_return fail(Errno::eopnotsupp);
  if (first) co_await ctx.spend(ctx.costs().socket_accept);
  Result<SocketPtr> next = req.file->socket->try_accept(&wait);
  if (!next) co_return fail(next.error());
  const Result<FilePtr> made = SocketFile::make(listener->net(), std::move(*next), 0);
  const FilePtr accepted = *made;
  const Result<int> fd = co_await install_file(ctx, files_, accepted);
  if (fd) co_return *fd;
  co_await accepted->object->release(ctx);
  co_return fail(fd.error());
}

Task<Value> Uring::try_connect(Sleepable& ctx, Req& req, bool first, IoWait& wait) {
  if (socket_of(*req.file) == nullptr) co_return fail(Errno::eopnotsupp);
  Socket& socket = *req.file->socket;
  if (first) {
    co_await ctx.spend(ctx.costs().socket_connect);
    const Errno begun = co_await socket.connect(ctx, static_cast<Port>(req.sqe.bytes));
    if (begun != Errno::ok) co_return fail(begun);
  }
  const Errno ended = socket.connected(&wait);
  if (ended != Errno::ok) co_return fail(ended);
  co_return 0;
}

Task<Value> Uring::try_recv(Sleepable& ctx, Req& req, bool first, IoWait& wait) {
  const Sqe& sqe = req.sqe;
  if (!has_room(sqe)) co_return fail(Errno::efault);
  if (first) {
    co_await ctx.spend(ctx.costs().socket_recv);
    co_await fault_in_user(ctx, sqe.pages, sqe.in_page + sqe.bytes);
  }
  const Result<std::uint64_t> got =
      co_await req.file->socket->try_recv(ctx, sqe.pages, sqe.bytes, &wait, sqe.in_page);
  if (!got) co_return fail(got.error());
  co_return static_cast<std::int64_t>(*got);
}

Task<Value> Uring::try_send(Sleepable& ctx, Req& req, bool first, IoWait& wait) {
  const Sqe& sqe = req.sqe;
  if (!has_room(sqe)) co_return fail(Errno::efault);
  if (first) {
    co_await ctx.spend(ctx.costs().socket_send);
    co_await fault_in_user(ctx, sqe.pages, sqe.in_page + sqe.bytes);
    req.socket->send.emplace(req.file, sqe.pages, sqe.bytes, sqe.in_page);
  }
  co_return co_await req.socket->send->try_run(ctx, os_, wait);
}

// A file that cannot be read without blocking is polled for first: here its events are handed out
// in the order of those who wait.
Task<Value> Uring::try_read_event(Sleepable& ctx, Req& req, bool first, IoWait& wait) {
  if (req.sqe.pages.empty()) co_return fail(Errno::efault);
  if (first) {
    co_await fault_in_user(ctx, req.sqe.pages, kInotifyLongest);
    req.socket->event.emplace(req.file);
  }
  const auto place = os_.system.memory.bytes(req.sqe.pages.front(), kInotifyLongest);
  co_return co_await req.socket->event->try_run(ctx, place, wait);
}

}  // namespace iodrome::designs::io_uring
