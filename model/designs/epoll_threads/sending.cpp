// SPDX-License-Identifier: Apache-2.0
// sendfile to sockets that do not block: until EAGAIN, then EPOLLOUT.
#include <utility>

#include "model/designs/epoll_threads/event_loop.h"
#include "model/designs/plain_calls.h"
#include "model/kernel/calls/file_calls.h"

namespace iodrome::designs::epoll_threads {

using namespace kernel;
using events::Stage;
using Value = Result<std::int64_t>;

Task<void> EventLoop::begin_send(Sleepable& user, ChainRun& run) {
  const int fd = run.to_of(run.current_step());
  const Result<FilePtr> socket = engine_.process.files.get(fd);
  // As accept4() with SOCK_NONBLOCK has made it.
  if (socket && (*socket)->socket != nullptr) (*socket)->nonblocking = true;
  Connection& to = connections_[fd];
  to.sends.push_back(&run);
  if (to.sends.size() == 1) return send_in_line(user, fd);
  user.set_stage(Stage::queue);
  user.stop_work();
  return Task<void>::ready();
}

// Brings the sends to one socket on, until one waits or there are none.
Task<void> EventLoop::send_in_line(Sleepable& user, int fd) {
  for (;;) {
    Connection& to = connections_[fd];
    ChainRun& run = *to.sends.front();
    to.ready = false;
    const WorkOn work(user, &run.ledger, Stage::submit);
    const bool done = co_await do_or_post(user, run);
    if (!done) co_return;
    const bool more = co_await goes_on(user, fd, task_of(run).over);
    if (!more) co_return;
  }
}

// The same from an event on: it submits.
Task<void> EventLoop::resume_sends(Sleepable& user, int fd) {
  const SubmittingCall counted(submit_times_, user);
  co_await send_in_line(user, fd);
}

// False: no room now.
Task<bool> EventLoop::send_on(Sleepable& thread, ChainRun& run) {
  const Step& step = run.current_step();
  const chain::Course::Numbers asked = run.course.numbers(run.current);
  std::int64_t& sent = run.results[run.current];
  for (;;) {
    const auto before = static_cast<std::uint64_t>(sent);
    const Value more =
        co_await sys_sendfile(thread, engine_.os, engine_.process.files, run.to_of(step),
                              run.fd_of(step), asked.offset + before, asked.bytes - before);
    if (!more && more.error() == Errno::eagain) co_return false;
    if (!more) {
      sent = as_return_value(more);
      co_return true;
    }
    sent += *more;
    if (*more == 0 || static_cast<std::uint64_t>(sent) >= asked.bytes) co_return true;
  }
}

// The first send has come to its end, or found no room. Whether the line goes on at once.
Task<bool> EventLoop::goes_on(Sleepable& user, int fd, bool over) {
  Connection& to = connections_[fd];
  ChainRun& run = *to.sends.front();
  const WorkOn work(user, &run.ledger, Stage::submit);
  if (!over) {
    // The edge that tells of room came before anybody knew that there was none.
    if (std::exchange(to.ready, false)) co_return true;
    const Errno error = co_await await_room(user, fd);
    if (error == Errno::ok) {
      user.set_stage(Stage::network);
      user.stop_work();
      co_return false;
    }
    run.results[run.current] = -static_cast<std::int64_t>(error);
  }
  to.sends.pop_front();
  finish(user, run);
  co_return !to.sends.empty();
}

// Closing is the loop's own call, so it knows of it; the other loops are told.
Task<Value> EventLoop::close(Sleepable& user, ChainRun& run) {
  const int fd = run.fd_of(run.current_step());
  const Value done = co_await plain_call(user, engine_.os, engine_.process.files, run);
  if (!done) co_return done;
  for (std::size_t i = 0; i < engine_.loops.size(); ++i)
    co_await engine_.loops[i]->closed(user, fd);
  co_return done;
}

// The waiting send goes the way of what a thread of the pool has done. Those behind it find out by
// themselves.
Task<void> EventLoop::closed(Sleepable& thread, int fd) {
  const auto found = connections_.find(fd);
  if (found == connections_.end()) co_return;
  Connection& of = found->second;
  of.watched = of.ready = false;
  if (of.sends.empty()) {
    connections_.erase(found);
    co_return;
  }
  if (!std::exchange(of.waits, false)) co_return;  // whoever sends finds out
  ChainRun& run = *of.sends.front();
  run.results[run.current] = -static_cast<std::int64_t>(Errno::ebadf);
  FileTask& task = task_of(run);
  task.over = true;
  co_await completions_.push(thread, task);
}

Task<Errno> EventLoop::await_room(Sleepable& user, int fd) {
  ++engine_.counts.send_waits;
  Connection& to = connections_[fd];
  to.waits = true;
  const bool edge = engine_.params.edge;
  if (to.watched && edge) co_return Errno::ok;
  const Result<FilePtr> socket = engine_.process.files.get(fd);
  if (!socket) co_return socket.error();
  const EpollOp op = to.watched ? EpollOp::mod : EpollOp::add;
  const EpollEvent wanted{kPollOut | (edge ? kEpollEdge : kEpollOneshot),
                          static_cast<std::uint64_t>(fd)};
  const Value done = co_await syscall(user, Sysno::epoll_ctl,
                                      epoll_of(*epoll_)->ctl(user, op, **socket, fd, wanted));
  to.watched = done.has_value();
  to.waits = to.watched;
  co_return done ? Errno::ok : done.error();
}

}  // namespace iodrome::designs::epoll_threads
