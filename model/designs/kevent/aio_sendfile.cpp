// SPDX-License-Identifier: Apache-2.0
#include "model/designs/kevent/aio_sendfile.h"

#include "model/designs/kevent/transfer.h"
#include "model/events/io.h"
#include "model/kernel/mm/allocation.h"
#include "model/kernel/syscall.h"

namespace iodrome::designs::kevent {

using namespace kernel;
using Value = Result<std::int64_t>;

Task<Value> AioSendfile::sendfile(Sleepable& user, KeventQueue& queue, const SendRequest& request) {
  return syscall(user, Sysno::aio_sendfile, sendfile_body(user, queue, request));
}

Task<Value> AioSendfile::sendfile_path(Sleepable& user, KeventQueue& queue,
                                       const SendRequest& request) {
  return syscall(user, Sysno::aio_sendfile_path, path_body(user, queue, request));
}

Task<Value> AioSendfile::sendfile_body(Sleepable& ctx, KeventQueue& queue,
                                       const SendRequest& request) {
  const WorkOn work(ctx, request.ledger, events::Stage::kernel);
  const Result<FilePtr> found = files_.get(request.file_fd);
  FilePtr file;
  if (found) file = *found;
  const Errno error = co_await start(ctx, queue, request, std::move(file));
  if (error != Errno::ok) co_return fail(error);
  co_return 0;
}

Task<Value> AioSendfile::path_body(Sleepable& ctx, KeventQueue& queue, const SendRequest& request) {
  const WorkOn work(ctx, request.ledger, events::Stage::kernel);
  const Result<FilePtr> file = co_await open_blocking(ctx, os_, *request.path);
  if (!file) co_return fail(file.error());
  const Result<int> fd = co_await install_file(ctx, files_, *file);
  if (!fd) co_return fail(fd.error());
  const Errno error = co_await start(ctx, queue, request, *file);
  if (error == Errno::ok) co_return *fd;
  files_.remove(*fd);
  co_return fail(error);
}

// kaio_sendfile(): once the request is on a thread's list, its time is no longer this context's.
Task<Errno> AioSendfile::start(Sleepable& ctx, KeventQueue& queue, const SendRequest& request,
                               FilePtr file) {
  co_await ctx.spend(costs_.sendfile_call);
  const Result<FilePtr> socket = files_.get(request.socket_fd);
  if (!socket || (*socket)->socket == nullptr) co_return Errno::ebadf;
  if (file == nullptr || file->inode == nullptr || !file->readable) co_return Errno::ebadf;
  if (file->inode->directory != nullptr) co_return Errno::einval;
  if (allocation_fails(os_.system, "kaio_private")) co_return Errno::enomem;
  auto* const transfer =
      new Transfer(os_, threads_, queue, request, std::move(file), *socket, window_pages_);
  transfer->append(&Transfer::read_send_pages);
  transfer->get();  // the event's
  Ukevent event{.id = next_id(ctx.cpu().index()),
                .type = kTypeAio,
                .req_flags = kOneshot | kAlwaysQueue,
                .user = request.user};
  const Result<bool> added =
      co_await queue.add(ctx, event, queue.storage(), &Transfer::ended, transfer, request.ledger);
  if (!added) {
    transfer->put();
    transfer->put();
    co_return added.error();
  }
  ctx.emit(events::IoAccepted{request.user});
  if (request.ledger != nullptr) {
    ctx.stop_work();
    request.ledger->enter(events::Stage::queue, ctx.now());
  }
  co_await threads_.schedule(ctx, *transfer);
  co_return Errno::ok;
}

std::uint64_t AioSendfile::next_id(std::uint32_t cpu) {
  return cpu | std::uint64_t{counters_[cpu]++} << 32;
}

}  // namespace iodrome::designs::kevent
