// SPDX-License-Identifier: Apache-2.0
// The operations of a branch on sockets, and on what tells of its readiness.
#include "model/chain/walker.h"
#include "model/kernel/mm/address_space.h"
#include "model/kernel/socket/socket_file.h"

namespace iodrome::chain {

using namespace kernel;
using Value = Result<std::int64_t>;

namespace {

Result<FilePtr> socket_only(Result<FilePtr> file) {
  if (file && (*file)->socket == nullptr) return fail(Errno::enotsock);
  return file;
}

// What a transfer of so many bytes touches, from their place in the first page on.
struct Place {
  std::span<const hw::PhysAddr> pages;
  std::uint64_t in_page;
};
Result<Place> place_of(const ChainRun& run, const Step& step, const Course::Numbers& asked) {
  const auto pages = run.memory_of(step, asked);
  if (!pages) return fail(pages.error());
  return Place{*pages, (step.memory + asked.done) % hw::kPageBytes};
}

}  // namespace

/// Of a send: the socket's file.
Result<FilePtr> Branch::target_of(const Step& step) {
  if (!step.to_opened) return walker_.host_.files().get(step.to_fd);
  const FilePtr* const opened = walker_.opened_by(step.to_from());
  if (opened == nullptr) return fail(Errno::ebadf);
  return *opened;
}

// The chain has the new file or socket, and the process's table too if it is to stay.
Task<Value> Branch::hold(Sleepable* sleeper, const Step& step, FilePtr made) {
  walker_.keep_open(*step_, made);
  if (!step.keep) co_return 0;
  check(sleeper != nullptr, "a descriptor installed outside a thread");
  const Result<int> fd = co_await install_file(*sleeper, walker_.host_.files(), std::move(made));
  if (!fd) co_return fail(fd.error());
  co_return *fd;
}

Task<Value> Branch::accept(Atomic& ctx, Sleepable* sleeper, const Step& step) {
  if (std::holds_alternative<std::monostate>(operation_)) {
    Result<FilePtr> file = socket_only(file_of(step));
    if (!file) co_return fail(file.error());
    if (socket_of(**file) == nullptr) co_return fail(Errno::eopnotsupp);
    co_await ctx.spend(ctx.costs().socket_accept);
    operation_.emplace<Accepting>(std::move(*file));
  }
  const FilePtr listener = std::get<Accepting>(operation_).listener;
  Result<SocketPtr> next = listener->socket->try_accept(this);
  if (!next) co_return fail(next.error());
  Result<FilePtr> made = SocketFile::make(socket_of(*listener)->net(), std::move(*next), 0);
  co_return co_await hold(sleeper, step, std::move(*made));
}

// socket(2) and connect(2) in one.
Task<Value> Branch::connect(Atomic& ctx, Sleepable* sleeper, const Step& step) {
  if (std::holds_alternative<std::monostate>(operation_)) {
    Loopback* const net = walker_.host_.os().loopback;
    if (net == nullptr) co_return fail(Errno::enetunreach);
    co_await ctx.spend(ctx.charge(ctx.costs().socket_call) +
                       ctx.charge(ctx.costs().socket_connect));
    Result<FilePtr> made = SocketFile::make(*net, net->make_socket(), 0);
    const FilePtr file = operation_.emplace<Connecting>(std::move(*made)).socket;
    const Errno begun = co_await file->socket->connect(ctx, static_cast<Port>(step.bytes));
    if (begun != Errno::ok) co_return fail(begun);
  }
  FilePtr file = std::get<Connecting>(operation_).socket;
  const Errno ended = file->socket->connected(this);
  if (ended != Errno::ok) co_return fail(ended);
  co_return co_await hold(sleeper, step, std::move(file));
}

// By a kernel thread where the submitter's memory is not pinned: it borrows the address space.
Task<bool> Branch::borrow_memory(Sleepable* sleeper) {
  const bool borrows = walker_.host_.user_copy() == UserCopy::thread && sleeper != nullptr &&
                       sleeper->thread().mm == 0;
  if (!borrows) return Task<bool>::ready(false);
  return then(kthread_use_first_mm(*sleeper), [](auto&&...) { return Task<bool>::ready(true); });
}

Task<Value> Branch::receive(Atomic& ctx, Sleepable* sleeper, const Step& step) {
  const Course::Numbers asked = numbers();
  const Result<Place> place = place_of(walker_.run_, step, asked);
  if (!place) co_return fail(place.error());
  if (std::holds_alternative<std::monostate>(operation_)) {
    Result<FilePtr> file = socket_only(file_of(step));
    if (!file) co_return fail(file.error());
    const bool pins = walker_.host_.user_copy() != UserCopy::thread;
    co_await ctx.spend(ctx.charge(ctx.costs().socket_recv) +
                       ctx.charge(ctx.costs().page_pin, pins ? place->pages.size() : 0));
    operation_.emplace<Receiving>(std::move(*file));
  }
  const FilePtr file = std::get<Receiving>(operation_).socket;
  const bool borrows = co_await borrow_memory(sleeper);
  const Result<std::uint64_t> got =
      co_await file->socket->try_recv(ctx, place->pages, asked.bytes, this, place->in_page);
  if (borrows) kthread_unuse_first_mm(*sleeper);
  if (!got) co_return fail(got.error());
  co_return static_cast<std::int64_t>(*got);
}

Task<Value> Branch::send_memory(Atomic& ctx, Sleepable* sleeper, const Step& step) {
  if (std::holds_alternative<std::monostate>(operation_)) {
    const Result<FilePtr> socket = socket_only(target_of(step));
    if (!socket) co_return fail(socket.error());
    const Course::Numbers asked = numbers();
    const Result<Place> place = place_of(walker_.run_, step, asked);
    if (!place) co_return fail(place.error());
    const bool pins = walker_.host_.user_copy() != UserCopy::thread;
    co_await ctx.spend(ctx.charge(ctx.costs().socket_send) +
                       ctx.charge(ctx.costs().page_pin, pins ? place->pages.size() : 0));
    operation_ = std::make_unique<SendMemory>(*socket, place->pages, asked.bytes, place->in_page);
  }
  SendMemory& operation = *std::get<std::unique_ptr<SendMemory>>(operation_);
  const bool borrows = co_await borrow_memory(sleeper);
  const Value sent = co_await operation.try_run(ctx, walker_.host_.os(), *this);
  if (borrows) kthread_unuse_first_mm(*sleeper);
  co_return sent;
}

Task<Value> Branch::poll(Sleepable* sleeper, const Step& step) {
  if (std::holds_alternative<std::monostate>(operation_)) {
    const Result<FilePtr> file = file_of(step);
    if (!file) return Task<Value>::ready(fail(file.error()));
    operation_ = std::make_unique<FilePoll>(*file, static_cast<PollEvents>(step.bytes));
  }
  FilePoll& operation = *std::get<std::unique_ptr<FilePoll>>(operation_);
  if (operation.told()) return Task<Value>::ready(operation.found());
  check(sleeper != nullptr, "a poll function called outside a thread");
  return operation.try_run(*sleeper, *this);
}

}  // namespace iodrome::chain
