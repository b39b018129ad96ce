// SPDX-License-Identifier: Apache-2.0
// The operations of a branch. Each ends with a value or an error, or returns EAGAIN with the
// branch's wait armed and is called again.
#include <algorithm>

#include "model/chain/open_flags.h"
#include "model/chain/walker.h"
#include "model/kernel/mm/address_space.h"
#include "model/kernel/socket/socket_file.h"
#include "model/kernel/vfs/name_ops.h"

namespace iodrome::chain {

using namespace kernel;
using Value = Result<std::int64_t>;

Result<FilePtr> Branch::file_of(const Step& step) {
  if (step.fd_from < 0) return walker_.host_.files().get(step.fd);
  const FilePtr* const opened = walker_.opened_by(step.fd_from);
  if (opened == nullptr) return fail(Errno::ebadf);
  return *opened;
}

Task<Value> Branch::take_step(Atomic& ctx, Sleepable* sleeper, const Step& step) {
  return then(ctx.spend(walker_.host_.walker_costs().step),
              [this, &ctx, sleeper, &step] { return carry_out(ctx, sleeper, step); });
}

Task<Value> Branch::carry_out(Atomic& ctx, Sleepable* sleeper, const Step& step) {
  switch (step.op) {
    case Op::nop:
      return Task<Value>::ready(0);
    case Op::open:
      check(sleeper != nullptr, "open outside a thread");
      return open(*sleeper, step);
    case Op::stat:
      return stat(ctx, step);
    case Op::read:
      return read(ctx, sleeper, step);
    case Op::send:
      return step.sends_memory() ? send_memory(ctx, sleeper, step) : send(ctx, step);
    case Op::close:
      return close(ctx, sleeper, step);
    case Op::write:
      return write(ctx, step);
    case Op::fsync:
      return fsync(ctx, step);
    case Op::unlink:
      check(sleeper != nullptr, "unlink outside a thread");
      return unlink(*sleeper, step);
    case Op::timeout:
      return timeout(ctx, step);
    case Op::copy:
    case Op::exclusive_or:
    case Op::memset:
    case Op::crc32c:
    case Op::encrypt:
    case Op::decrypt:
    case Op::hash:
      return work_on_memory(ctx);
    case Op::inotify:
      return inotify(ctx, step);
    case Op::accept:
      return accept(ctx, sleeper, step);
    case Op::connect:
      return connect(ctx, sleeper, step);
    case Op::receive:
      return receive(ctx, sleeper, step);
    case Op::poll:
      return poll(sleeper, step);
  }
  return Task<Value>::ready(fail(Errno::einval));
}

Task<Value> Branch::stat(Atomic& ctx, const Step& step) {
  const Result<FilePtr> file = file_of(step);
  if (!file) co_return fail(file.error());
  co_return co_await stat_file(ctx, **file);
}

// What is to be truncated waits for its file's lock as a write does: whoever has that may need this
// thread to go on.
Task<Value> Branch::open(Sleepable& ctx, const Step& step) {
  WalkerHost& host = walker_.host_;
  if (std::holds_alternative<Truncating>(operation_)) co_return co_await truncate(ctx, step);
  const std::int32_t flags = open_flags(step);
  const Errno named = co_await get_name(ctx, step);
  if (named != Errno::ok) co_return fail(named);
  const std::string& path = path_of(step);
  bool made = false;
  Task<Result<FilePtr>> opening =
      flags == 0 ? try_open(ctx, host.os(), path, this)
                 : open_file(ctx, host.os(), path, flags & ~kOpenTruncate, &made);
  Result<FilePtr> file = co_await std::move(opening);
  if (!file) co_return fail(file.error());
  if (flags == 0) (*file)->writable = !reads_only(walker_.run_.chain, *step_);
  if (made || !step.truncate) co_return co_await hold(&ctx, step, std::move(*file));
  operation_.emplace<Truncating>(std::move(*file));
  co_return co_await truncate(ctx, step);
}

Task<Value> Branch::truncate(Sleepable& ctx, const Step& step) {
  FilePtr file = std::get<Truncating>(operation_).file;
  if (!file->inode->lock.try_lock(*this)) co_return fail(Errno::eagain);
  const Value cut = co_await truncate_locked(ctx, walker_.host_.os(), file, 0);
  if (!cut) co_return cut;
  co_return co_await hold(&ctx, step, std::move(file));
}

Task<Value> Branch::close(Atomic& ctx, Sleepable* sleeper, const Step& step) {
  if (step.fd_from < 0) {
    check(sleeper != nullptr, "a descriptor closed outside a thread");
    co_return co_await close_file(*sleeper, walker_.host_.files(), step.fd);
  }
  co_await ctx.spend(ctx.costs().file_close);
  FilePtr* const opened = walker_.opened_by(step.fd_from);
  if (opened == nullptr) co_return fail(Errno::ebadf);
  const FilePtr file = std::move(*opened);
  *opened = nullptr;
  if (file->references > 1) co_return 0;
  SocketFile* const socket = socket_of(*file);
  if (socket != nullptr) co_await socket->shut(ctx);
  if (file->inode != nullptr) co_await fsnotify_close(ctx, *file);
  co_return 0;
}

Task<Errno> Branch::begin_read(Atomic& ctx, const Step& step) {
  Result<FilePtr> file = file_of(step);
  if (!file) return Task<Errno>::ready(file.error());
  const Course::Numbers asked = numbers();
  const auto memory = walker_.run_.memory_of(step, asked);
  if (!memory) return Task<Errno>::ready(memory.error());
  if (!walker_.run_.direct) return begin_buffered(ctx, std::move(*file), asked, *memory);
  operation_.emplace<ReadAtDevice>().file = std::move(*file);
  return Task<Errno>::ready(Errno::ok);
}

Task<Errno> Branch::begin_buffered(Atomic& ctx, FilePtr file, Course::Numbers asked,
                                   std::span<const hw::PhysAddr> memory) {
  co_await ctx.spend(ctx.costs().vfs_read);
  const UserCopy way = walker_.host_.user_copy();
  if (way == UserCopy::consumer && begin_held(file, asked)) co_return Errno::ok;
  // Where the copy may run in any context, the user's pages are pinned first.
  if (way != UserCopy::thread) co_await ctx.spend(ctx.costs().page_pin, memory.size());
  if (way == UserCopy::provider)
    operation_ = std::make_unique<ProvidedRead>(walker_.run_, *step_, file, asked, memory);
  else
    operation_.emplace<BufferedRead>(file, asked.offset, asked.bytes, memory);
  co_return Errno::ok;
}

// False: this one is copied at once.
bool Branch::begin_held(const FilePtr& file, const Course::Numbers& asked) {
  ChainRun& run = walker_.run_;
  Deliveries& to = walker_.host_.deliveries();
  const std::uint64_t pages = HeldRead::pages_of(*file, asked);
  if (!may_wait(run.chain, *step_, run.buffer.size() * hw::kPageBytes) || !to.reserve(pages))
    return false;
  operation_ = std::make_unique<HeldRead>(to, run, *step_, file, asked, pages);
  return true;
}

Task<Value> Branch::read(Atomic& ctx, Sleepable* sleeper, const Step& step) {
  if (!std::holds_alternative<std::monostate>(operation_)) return read_on(ctx, sleeper);
  return then(begin_read(ctx, step), [this, &ctx, sleeper](Errno refused) {
    return refused == Errno::ok ? read_on(ctx, sleeper) : Task<Value>::ready(fail(refused));
  });
}

Task<Value> Branch::read_on(Atomic& ctx, Sleepable* sleeper) {
  Os& os = walker_.host_.os();
  if (auto* provided = std::get_if<std::unique_ptr<ProvidedRead>>(&operation_))
    return (*provided)->try_run(ctx, os, walker_.host_.providers(), *this);
  if (auto* held = std::get_if<std::unique_ptr<HeldRead>>(&operation_))
    return (*held)->try_run(ctx, os, *this);
  if (auto* buffered = std::get_if<BufferedRead>(&operation_)) {
    const bool borrows = walker_.host_.user_copy() == UserCopy::thread && sleeper != nullptr &&
                         sleeper->thread().mm == 0;
    return borrows ? read_borrowing(*sleeper) : buffered->try_run(ctx, os, *this);
  }
  const auto& at_device = std::get<ReadAtDevice>(operation_);
  if (at_device.started) return Task<Value>::ready(at_device.read.result());
  return at_device.write_back != nullptr ? write_back_first(ctx) : read_direct(ctx);
}

// By a kernel thread, which borrows the submitter's address space.
Task<Value> Branch::read_borrowing(Sleepable& thread) {
  co_await kthread_use_first_mm(thread);
  const Value value =
      co_await std::get<BufferedRead>(operation_).try_run(thread, walker_.host_.os(), *this);
  kthread_unuse_first_mm(thread);
  co_return value;
}

Task<Value> Branch::read_direct(Atomic& ctx) {
  auto& operation = std::get<ReadAtDevice>(operation_);
  const Course::Numbers asked = numbers();
  const auto memory = walker_.run_.memory_of(step(), asked);
  if (!memory) return Task<Value>::ready(fail(memory.error()));
  operation.started = true;
  return then(operation.read.start(ctx, walker_.host_.os(), *operation.file, asked.offset,
                                   asked.bytes, *memory, *this),
              [this, &ctx, &operation, asked](const Value& started) {
                if (started && *started != 0)
                  return Task<Value>::ready(pending == 0 ? operation.read.result()
                                                         : Value(fail(Errno::eagain)));
                if (started || started.error() != Errno::eagain) return Task<Value>::ready(started);
                operation.started = false;
                operation.write_back = std::make_unique<kernel::RangeWrite>(
                    *operation.file->inode, asked.offset / hw::kPageBytes,
                    (asked.offset + asked.bytes - 1) / hw::kPageBytes);
                return write_back_first(ctx);
              });
}

// What the cache holds goes to the device before the device is asked.
Task<Value> Branch::write_back_first(Atomic& ctx) {
  auto& operation = std::get<ReadAtDevice>(operation_);
  const Errno waits = co_await operation.write_back->try_run(ctx, walker_.host_.os(), *this);
  if (waits == Errno::eagain) co_return fail(waits);
  operation.write_back = nullptr;
  co_return co_await read_direct(ctx);
}

Task<Value> Branch::write(Atomic& ctx, const Step& step) {
  if (std::holds_alternative<std::monostate>(operation_)) {
    const Result<FilePtr> file = file_of(step);
    if (!file) co_return fail(file.error());
    const Course::Numbers asked = numbers();
    const auto memory = walker_.run_.memory_of(step, asked);
    if (!memory) co_return fail(memory.error());
    // Whichever thread copies, the submitter's pages are pinned first; a direct write does it
    // itself.
    const bool direct = walker_.run_.direct;
    if (!direct) co_await ctx.spend(ctx.costs().page_pin, memory->size());
    operation_ = std::make_unique<Write>(*file, direct, asked.offset, asked.bytes, *memory);
  }
  Write& operation = *std::get<std::unique_ptr<Write>>(operation_);
  co_return co_await operation.try_run(ctx, walker_.host_.os(), *this);
}

Task<Value> Branch::fsync(Atomic& ctx, const Step& step) {
  if (std::holds_alternative<std::monostate>(operation_)) {
    const Result<FilePtr> file = file_of(step);
    if (!file) co_return fail(file.error());
    operation_ = std::make_unique<Sync>(*file, step.data_only);
  }
  Sync& operation = *std::get<std::unique_ptr<Sync>>(operation_);
  co_return co_await operation.try_run(ctx, walker_.host_.os(), *this);
}

// The branch goes on in the timer's hardirq, so it may free the timer in whose function it is.
Task<HrRestart> Branch::Timeout::expired(Atomic& ctx, HrTimer& self) {
  co_await static_cast<Timeout&>(self).wait.arrived(ctx);
  co_return HrRestart::no;
}

Task<Value> Branch::timeout(Atomic& ctx, const Step& step) {
  if (!std::holds_alternative<std::monostate>(operation_)) co_return 0;
  auto& timer = *operation_.emplace<std::unique_ptr<Timeout>>(std::make_unique<Timeout>(*this));
  expect();
  stage = events::Stage::queue;
  const std::chrono::nanoseconds wait{static_cast<std::int64_t>(step.bytes)};
  co_await timer.start(ctx, later(ctx.now(), wait));
  co_return fail(Errno::eagain);
}

Task<Value> Branch::work_on_memory(Atomic& ctx) {
  if (std::holds_alternative<std::monostate>(operation_)) {
    Result<std::vector<providers::Job>> jobs = jobs_of(walker_.run_, *step_);
    if (!jobs) co_return fail(jobs.error());
    operation_ = std::make_unique<MemoryWork>(walker_.run_, *step_, std::move(*jobs));
  }
  MemoryWork& work = *std::get<std::unique_ptr<MemoryWork>>(operation_);
  co_return co_await work.try_run(ctx, walker_.host_.providers(), *this);
}

Task<Value> Branch::send(Atomic& ctx, const Step& step) {
  if (std::holds_alternative<std::monostate>(operation_)) {
    const Result<FilePtr> file = file_of(step);
    if (!file) co_return fail(file.error());
    const Result<FilePtr> socket = target_of(step);
    if (!socket) co_return fail(socket.error());
    co_await ctx.spend(ctx.costs().splice_call);
    const Course::Numbers asked = numbers();
    operation_.emplace<FileSend>(*file, *socket, asked.offset, asked.bytes);
  }
  co_return co_await std::get<FileSend>(operation_).try_run(ctx, walker_.host_.os(), *this);
}

}  // namespace iodrome::chain
