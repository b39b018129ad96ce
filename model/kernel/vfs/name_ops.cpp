// SPDX-License-Identifier: Apache-2.0
// Names made and taken away; renaming is rename.cpp's.
#include "model/kernel/vfs/name_ops.h"

#include "model/events/vfs.h"
#include "model/kernel/vfs/fsnotify.h"
#include "model/kernel/vfs/write_ops.h"

namespace iodrome::kernel {

using Value = Result<std::int64_t>;

namespace {

// A new file or directory of that name, which is free. The caller has the directory's lock.
Task<Result<InodePtr>> add_name(Sleepable& ctx, Os& os, Inode& in, std::string_view name,
                                bool directory) {
  if (in.links == 0) co_return fail(Errno::enoent);  // taken away while its lock was waited for
  const Result<PagePtr> block = co_await directory_block(ctx, os, in, in.directory->room_for(name));
  if (!block) co_return fail(block.error());
  Result<InodePtr> made = os.files.create(in, name, directory, os.page_cache);
  if (!made) co_return fail(made.error());
  co_await ctx.spend(ctx.costs().inode_create);
  co_await ctx.spend(ctx.costs().dirent_change);
  os.files.link(in, name, **made);
  directory_changed(os, in, **block);
  os.page_cache.writeback.mark_attributes_dirty(**made, true);
  co_await fsnotify_name(ctx, in, {kInCreate | isdir(**made), 0, name});
  co_return made;
}

struct Found {
  InodePtr inode;
  bool made = false;
};

// O_CREAT: the file of that name, made if there is none.
Task<Result<Found>> find_or_make(Sleepable& ctx, Os& os, const std::string& path, bool exclusive) {
  const Result<ParentOf> parent = os.files.find_parent(path);
  if (!parent) co_return fail(parent.error());
  if (!parent->plain()) co_return fail(exclusive ? Errno::eexist : Errno::eisdir);
  if (parent->slash_behind) co_return fail(Errno::eisdir);
  const InodePtr in(parent->directory);
  co_await in->directory->i_rwsem.down_write(ctx);
  Result<Found> result = fail(Errno::eexist);
  const Directory::Entry* const entry = in->directory->find(parent->name);
  if (entry == nullptr) {
    const Result<InodePtr> made = co_await add_name(ctx, os, *in, parent->name, false);
    if (made)
      result = Found{*made, true};
    else
      result = fail(made.error());
  } else if (!exclusive) {
    const bool directory = entry->inode->directory != nullptr;
    result = Found{InodePtr(entry->inode)};
    if (directory) result = fail(Errno::eisdir);
  }
  co_await in->directory->i_rwsem.up_write(ctx);
  co_return result;
}

bool known(std::int32_t flags) {
  constexpr std::int32_t kAll = kOpenWriteOnly | kOpenReadWrite | kOpenCreate | kOpenExclusive |
                                kOpenTruncate | kOpenAppend | kOpenDirectory;
  const bool makes_directory = (flags & kOpenCreate) != 0 && (flags & kOpenDirectory) != 0;
  return (flags & ~kAll) == 0 && (flags & 3) != 3 && !makes_directory;
}

Task<Result<Found>> find_to_open(Sleepable& ctx, Os& os, const std::string& path,
                                 std::int32_t flags) {
  if (!known(flags)) co_return fail(Errno::einval);
  const Errno walked = co_await walk_blocking(ctx, os, path);
  if (walked != Errno::ok) co_return fail(walked);
  if ((flags & kOpenCreate) != 0)
    co_return co_await find_or_make(ctx, os, path, (flags & kOpenExclusive) != 0);
  const Result<Inode*> found = os.files.find(path);
  if (!found) co_return fail(found.error());
  const bool directory = (*found)->directory != nullptr;
  const bool writes = (flags & (kOpenWriteOnly | kOpenReadWrite | kOpenTruncate)) != 0;
  if (directory && writes) co_return fail(Errno::eisdir);
  if (!directory && (flags & kOpenDirectory) != 0) co_return fail(Errno::enotdir);
  co_return Found{InodePtr(*found)};
}

}  // namespace

Task<Result<FilePtr>> open_file(Sleepable& ctx, Os& os, const std::string& path, std::int32_t flags,
                                bool* made) {
  Result<Found> found = co_await find_to_open(ctx, os, path, flags);
  if (!found) {
    ctx.emit(events::FileOpen{0, static_cast<std::uint64_t>(found.error())});
    co_return fail(found.error());
  }
  if (made != nullptr) *made = found->made;
  Result<FilePtr> file = fail(Errno::eagain);
  while (!file) {
    BlockingWait wait(ctx);
    file = co_await try_open_inode(ctx, os, found->inode, &wait);
    if (file) break;
    if (file.error() != Errno::eagain) co_return file;
    co_await wait.wait("inode");
  }
  if ((flags & kOpenTruncate) != 0 && !found->made) {
    const Value cut = co_await truncate_blocking(ctx, os, *file, 0);
    if (!cut) co_return fail(cut.error());
  }
  const std::int32_t access = flags & (kOpenWriteOnly | kOpenReadWrite);
  (*file)->readable = access != kOpenWriteOnly;
  (*file)->writable = access != 0;
  (*file)->append = (flags & kOpenAppend) != 0;
  co_return file;
}

// --- making and removing ------------------------------------------------------------------------

Task<Value> make_directory(Sleepable& ctx, Os& os, const std::string& path) {
  const Errno walked = co_await walk_blocking(ctx, os, path);
  if (walked != Errno::ok) co_return fail(walked);
  const Result<ParentOf> parent = os.files.find_parent(path);
  if (!parent) co_return fail(parent.error());
  if (!parent->plain()) co_return fail(Errno::eexist);
  const InodePtr in(parent->directory);
  co_await in->directory->i_rwsem.down_write(ctx);
  Value result = fail(Errno::eexist);
  if (in->directory->find(parent->name) == nullptr) {
    const Result<InodePtr> made = co_await add_name(ctx, os, *in, parent->name, true);
    result = 0;
    if (!made) result = fail(made.error());
  }
  co_await in->directory->i_rwsem.up_write(ctx);
  co_return result;
}

namespace {

Errno may_unlink(const ParentOf& parent, const Directory::Entry* entry) {
  if (entry == nullptr) return Errno::enoent;
  if (entry->inode->directory != nullptr) return Errno::eisdir;
  return parent.slash_behind ? Errno::enotdir : Errno::ok;
}

// Takes the name out of its directory, whose lock the caller has.
Task<Errno> remove_name(Sleepable& ctx, Os& os, Inode& in, std::string_view name, Inode& inode) {
  const std::uint64_t place = in.directory->place_of(name);
  const Result<PagePtr> block = co_await directory_block(ctx, os, in, place);
  if (!block) co_return block.error();
  co_await ctx.spend(ctx.costs().dirent_change);
  os.files.unlink(inode, name, os.page_cache);
  if (inode.references > 1) os.files.dentries.forget(in, name);  // else it is known to be gone
  directory_changed(os, in, **block);
  if (inode.directory == nullptr) co_await fsnotify_name(ctx, inode, {kInAttrib});
  if (inode.references == 1 && !inode.watches.empty()) co_await fsnotify_inoderemove(ctx, inode);
  co_await fsnotify_name(ctx, in, {kInDelete | isdir(inode), 0, name});
  co_return Errno::ok;
}

}  // namespace

Task<Value> unlink_file(Sleepable& ctx, Os& os, const std::string& path) {
  const Errno walked = co_await walk_blocking(ctx, os, path);
  if (walked != Errno::ok) co_return fail(walked);
  const Result<ParentOf> parent = os.files.find_parent(path);
  if (!parent) co_return fail(parent.error());
  if (!parent->plain()) co_return fail(Errno::eisdir);
  const InodePtr in(parent->directory);
  co_await in->directory->i_rwsem.down_write(ctx);
  const Directory::Entry* const entry = in->directory->find(parent->name);
  Errno error = may_unlink(*parent, entry);
  InodePtr inode;
  if (error == Errno::ok) {
    inode = entry->inode;
    error = co_await remove_name(ctx, os, *in, parent->name, *inode);
  }
  co_await in->directory->i_rwsem.up_write(ctx);
  if (error != Errno::ok) co_return fail(error);
  co_await last_reference(ctx, *inode);
  co_return 0;
}

namespace {

Errno may_rmdir(const ParentOf& parent) {
  if (parent.name.empty()) return Errno::ebusy;
  if (parent.name == ".") return Errno::einval;
  return parent.name == ".." ? Errno::enotempty : Errno::ok;
}

// The caller has the lock of the directory that it stands in.
Task<Errno> remove_empty(Sleepable& ctx, Os& os, Inode& in, std::string_view name,
                         Inode& directory) {
  co_await directory.directory->i_rwsem.down_write(ctx);
  Errno error = Errno::enotempty;
  if (directory.directory->empty()) error = co_await remove_name(ctx, os, in, name, directory);
  co_await directory.directory->i_rwsem.up_write(ctx);
  co_return error;
}

}  // namespace

Task<Value> remove_directory(Sleepable& ctx, Os& os, const std::string& path) {
  const Errno walked = co_await walk_blocking(ctx, os, path);
  if (walked != Errno::ok) co_return fail(walked);
  const Result<ParentOf> parent = os.files.find_parent(path);
  if (!parent) co_return fail(parent.error());
  Errno error = may_rmdir(*parent);
  if (error != Errno::ok) co_return fail(error);
  const InodePtr in(parent->directory);
  co_await in->directory->i_rwsem.down_write(ctx);
  const Directory::Entry* const entry = in->directory->find(parent->name);
  InodePtr inode;
  error = Errno::enoent;
  if (entry != nullptr) {
    inode = entry->inode;
    error = Errno::enotdir;
    if (inode->directory != nullptr)
      error = co_await remove_empty(ctx, os, *in, parent->name, *inode);
  }
  co_await in->directory->i_rwsem.up_write(ctx);
  if (error != Errno::ok) co_return fail(error);
  co_await last_reference(ctx, *inode);
  co_return 0;
}

}  // namespace iodrome::kernel
