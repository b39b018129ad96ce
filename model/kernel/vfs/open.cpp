// SPDX-License-Identifier: Apache-2.0
#include "model/events/vfs.h"
#include "model/kernel/mm/allocation.h"
#include "model/kernel/vfs/file_ops.h"
#include "model/kernel/vfs/fsnotify.h"

namespace iodrome::kernel {

namespace {

// The read of an inode's block. The buffer page lives until the read has ended.
struct MetadataRead : Bio, Pooled {
  InodePtr inode;
  PagePtr buffer;

  static Task<void> end(Atomic& ctx, Bio& bio) {
    auto* const read = static_cast<MetadataRead*>(&bio);
    const InodePtr keep = read->inode;
    Inode& inode = *keep;
    const bool failed = bio.status != Errno::ok;
    inode.metadata = failed ? Inode::Metadata::failed : Inode::Metadata::cached;
    inode.failure_untold = failed ? inode.metadata_waiters.size() : 0;
    delete read;
    co_await notify_all(ctx, inode.metadata_waiters);
  }
};

Task<void> read_metadata(Atomic& ctx, Os& os, Inode& inode, IoWait& wait) {
  inode.metadata = Inode::Metadata::reading;
  auto* read = new MetadataRead;
  read->inode = &inode;
  read->buffer = new Page(os.system.memory);
  read->sector = inode.metadata_sector;
  read->bytes = hw::kPageBytes;
  read->segments.push_back({read->buffer->address, hw::kPageBytes});
  wait.charge(*read);
  read->end_io = &MetadataRead::end;
  co_await inode.volume->device().submit(ctx, *read);
}

}  // namespace

Task<Errno> try_metadata(Sleepable& ctx, Os& os, Inode& inode, IoWait* wait) {
  if (inode.metadata == Inode::Metadata::failed) {
    // Everybody who waited is told; who comes after them tries anew.
    if (--inode.failure_untold == 0) inode.metadata = Inode::Metadata::cold;
    co_return Errno::eio;
  }
  if (inode.metadata == Inode::Metadata::cached) co_return Errno::ok;
  if (wait == nullptr) co_return Errno::eagain;
  if (inode.metadata == Inode::Metadata::cold && allocation_fails(os.system, "inode buffer"))
    co_return Errno::enomem;
  wait->stage = events::Stage::queue;
  add_waiter(inode.metadata_waiters, *wait);
  if (inode.metadata == Inode::Metadata::cold) co_await read_metadata(ctx, os, inode, *wait);
  co_return Errno::eagain;
}

Task<Result<FilePtr>> try_open(Sleepable& ctx, Os& os, const std::string& path, IoWait* wait) {
  const Errno walked = co_await try_walk(ctx, os, path, wait);
  if (walked == Errno::eagain) co_return fail(walked);
  const Result<Inode*> found =
      walked == Errno::ok ? os.files.lookup(path) : Result<Inode*>(fail(walked));
  if (!found) {
    ctx.emit(events::FileOpen{0, static_cast<std::uint64_t>(found.error())});
    co_return fail(found.error());
  }
  co_return co_await try_open_inode(ctx, os, InodePtr(*found), wait);
}

Task<Result<FilePtr>> try_open_inode(Sleepable& ctx, Os& os, InodePtr held, IoWait* wait) {
  Inode& inode = *held;
  const Errno known = co_await try_metadata(ctx, os, inode, wait);
  if (known == Errno::eagain) co_return fail(known);
  ctx.emit(events::FileOpen{inode.number, static_cast<std::uint64_t>(known)});
  if (known != Errno::ok) co_return fail(known);
  FilePtr file{new File};
  file->inode = std::move(held);
  file->error_since = inode.write_error.sample();
  co_await fsnotify(ctx, inode, kInOpen);
  co_return file;
}

Task<Result<FilePtr>> open_blocking(Sleepable& ctx, Os& os, const std::string& path) {
  for (;;) {
    BlockingWait wait(ctx);
    Result<FilePtr> file = co_await try_open(ctx, os, path, &wait);
    if (file || file.error() != Errno::eagain) co_return file;
    co_await wait.wait("inode");
  }
}

Task<Result<int>> install_file(Sleepable& ctx, FileTable& table, FilePtr file) {
  co_await ctx.spend(ctx.costs().file_install);
  co_return table.install(std::move(file));
}

Task<Result<std::int64_t>> stat_file(Atomic& ctx, const File& file) {
  co_await ctx.spend(ctx.costs().file_stat);
  if (file.inode == nullptr) co_return fail(Errno::ebadf);
  co_return static_cast<std::int64_t>(file.inode->size_bytes);
}

Task<void> last_reference(Sleepable& ctx, Inode& inode) {
  if (inode.links != 0 || inode.references != 1) co_return;
  if (!inode.watches.empty()) co_await fsnotify_inoderemove(ctx, inode);
  co_await ctx.spend(ctx.costs().inode_evict);
}

namespace {

// The work that the end of a file brings; the end itself comes with its last reference.
Task<void> release_file(Sleepable& ctx, File& file) {
  if (!file.watches.empty()) co_await ctx.spend(ctx.costs().epoll_ctl, file.watches.size());
  if (file.object != nullptr) co_await file.object->release(ctx);
  if (file.inode == nullptr) co_return;
  co_await fsnotify_close(ctx, file);
  co_await last_reference(ctx, *file.inode);
}

}  // namespace

Task<Result<std::int64_t>> close_file(Sleepable& ctx, FileTable& table, int fd) {
  co_await ctx.spend(ctx.costs().file_close);
  const Result<FilePtr> file = table.remove(fd);
  if (!file) co_return fail(file.error());
  if ((*file)->references == 1) co_await release_file(ctx, **file);
  co_return 0;
}

Task<void> exit_files(Sleepable& ctx, FileTable& table) {
  for (int fd = table.next_open(0); fd >= 0; fd = table.next_open(fd))
    co_await close_file(ctx, table, fd);
}

}  // namespace iodrome::kernel
