// SPDX-License-Identifier: Apache-2.0
#include "model/designs/plain_calls.h"

#include "model/chain/named_file.h"
#include "model/chain/open_flags.h"
#include "model/kernel/calls/event_calls.h"
#include "model/kernel/calls/file_calls.h"
#include "model/kernel/calls/name_calls.h"
#include "model/kernel/calls/socket_calls.h"
#include "model/kernel/calls/write_calls.h"
#include "model/kernel/inotify/inotify_take.h"

namespace iodrome::designs {

using namespace kernel;
using chain::Op;

namespace {

Task<Result<std::int64_t>> transfer(Sleepable& user, Os& os, FileTable& files,
                                    const ChainRun& run) {
  const Step& step = run.current_step();
  const chain::Course::Numbers asked = run.course.numbers(run.current);
  const auto memory = run.memory_of(step, asked);
  if (!memory) return Task<Result<std::int64_t>>::ready(fail(memory.error()));
  const int fd = run.fd_of(step);
  return step.op == Op::read
             ? sys_pread(user, os, files, fd, run.direct, asked.offset, asked.bytes, *memory)
             : sys_pwrite(user, os, files, fd, run.direct, asked.offset, asked.bytes, *memory);
}

using Value = Result<std::int64_t>;

Task<Value> connect(Sleepable& user, Os& os, FileTable& files, Port port) {
  if (os.loopback == nullptr) co_return fail(Errno::enetunreach);
  const Value fd = co_await sys_socket(user, *os.loopback, files);
  if (!fd) co_return fd;
  const Value done = co_await sys_connect(user, files, static_cast<int>(*fd), port);
  if (done) co_return fd;
  co_await sys_close(user, files, static_cast<int>(*fd));
  co_return done;
}

// A stream's rest may begin within a page.
Task<Value> receive(Sleepable& user, FileTable& files, const ChainRun& run) {
  const Step& step = run.current_step();
  const chain::Course::Numbers asked = run.course.numbers(run.current);
  const auto memory = run.memory_of(step, asked);
  if (!memory) return Task<Value>::ready(fail(memory.error()));
  return sys_recv(user, files, run.fd_of(step), *memory, asked.bytes, 0,
                  (step.memory + asked.done) % hw::kPageBytes);
}

Task<Value> send_memory(Sleepable& user, Os& os, FileTable& files, const ChainRun& run) {
  const Step& step = run.current_step();
  const chain::Course::Numbers asked = run.course.numbers(run.current);
  const auto memory = run.memory_of(step, asked);
  if (!memory) return Task<Value>::ready(fail(memory.error()));
  return sys_send(user, os, files, run.to_of(step), *memory, asked.bytes,
                  (step.memory + asked.done) % hw::kPageBytes);
}

Task<Value> poll(Sleepable& user, FileTable& files, const ChainRun& run) {
  const Step& step = run.current_step();
  PollFd asked{run.fd_of(step), static_cast<PollEvents>(step.bytes), 0};
  const Value ready = co_await sys_poll(user, files, {&asked, 1}, Duration{-1});
  if (!ready) co_return ready;
  if (asked.revents == kPollNval) co_return fail(Errno::ebadf);
  co_return asked.revents;
}

// Room for one event and no more: its size is tried from the smallest name on, so that what a read
// takes is always for this request.
Task<Value> take_event(Sleepable& user, Os& os, FileTable& files, const ChainRun& run) {
  const Step& step = run.current_step();
  const auto memory = run.memory_of(step, {.offset = 0, .bytes = kInotifyLongest, .done = 0});
  if (!memory) co_return fail(memory.error());
  const std::span<std::byte> place = os.system.memory.bytes(memory->front(), kInotifyLongest);
  Value taken = fail(Errno::einval);
  for (std::size_t room = 2 * kInotifyHeader; room <= place.size(); room += kInotifyHeader) {
    taken = co_await sys_read(user, files, run.fd_of(step), place.first(room));
    if (taken || taken.error() != Errno::einval) break;
  }
  co_return taken;
}

// By the name in the event that an earlier step has taken.
Task<Value> open_named(Sleepable& user, Os& os, FileTable& files, const ChainRun& run) {
  const Step& step = run.current_step();
  const Result<std::string> path = chain::path_by_event(os.system, run, step);
  if (!path) co_return fail(path.error());
  const std::int32_t flags = chain::open_flags(step);
  Task<Value> opening =
      flags == 0 ? sys_openat(user, os, files, *path) : sys_open(user, os, files, *path, flags);
  co_return co_await std::move(opening);
}
Task<Value> open(Sleepable& user, Os& os, FileTable& files, const ChainRun& run) {
  const Step& step = run.current_step();
  if (step.fd_from >= 0) return open_named(user, os, files, run);
  const std::int32_t flags = chain::open_flags(step);
  return flags == 0 ? sys_openat(user, os, files, *step.path)
                    : sys_open(user, os, files, *step.path, flags);
}
Task<Value> unlink_named(Sleepable& user, Os& os, const ChainRun& run) {
  const Result<std::string> path = chain::path_by_event(os.system, run, run.current_step());
  if (!path) co_return fail(path.error());
  co_return co_await sys_unlink(user, os, *path);
}

}  // namespace

bool waits_for_peer(const Step& step) {
  return step.op == Op::accept || step.op == Op::connect || step.op == Op::receive ||
         step.op == Op::poll || step.op == Op::inotify || step.sends_memory();
}

Task<Result<std::int64_t>> plain_call(Sleepable& user, Os& os, FileTable& files,
                                      const ChainRun& run) {
  const Step& step = run.current_step();
  switch (step.op) {
    case Op::nop:
      return Task<Result<std::int64_t>>::ready(0);
    case Op::open:
      return then(open(user, os, files, run), [&files, &run](const Value& fd) {
        if (fd && chain::reads_only(run.chain, run.current))
          (*files.get(static_cast<int>(*fd)))->writable = false;
        return Task<Value>::ready(fd);
      });
    case Op::stat:
      return sys_fstat(user, files, run.fd_of(step));
    case Op::read:
    case Op::write:
      return transfer(user, os, files, run);
    case Op::close:
      return sys_close(user, files, run.fd_of(step));
    case Op::fsync:
      return step.data_only ? sys_fdatasync(user, os, files, run.fd_of(step))
                            : sys_fsync(user, os, files, run.fd_of(step));
    case Op::unlink:
      if (step.fd_from >= 0) return unlink_named(user, os, run);
      return sys_unlink(user, os, *step.path);
    case Op::timeout:
      return sys_nanosleep(user, std::chrono::nanoseconds(static_cast<std::int64_t>(step.bytes)));
    case Op::accept:
      return sys_accept4(user, files, run.fd_of(step));
    case Op::connect:
      return connect(user, os, files, static_cast<Port>(step.bytes));
    case Op::receive:
      return receive(user, files, run);
    case Op::send:
      if (step.sends_memory()) return send_memory(user, os, files, run);
      return Task<Result<std::int64_t>>::ready(fail(Errno::enosys));
    case Op::poll:
      return poll(user, files, run);
    case Op::inotify:
      return take_event(user, os, files, run);
    default:
      return Task<Result<std::int64_t>>::ready(fail(Errno::enosys));
  }
}

}  // namespace iodrome::designs
