// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/vfs/fsnotify.h"
#include "model/kernel/vfs/name_ops.h"

namespace iodrome::kernel {

using Value = Result<std::int64_t>;

namespace {

// Whether `above` is `inode` or lies above it.
bool is_ancestor(const Inode& above, const Inode& inode) {
  for (const Inode* at = &inode; at != nullptr; at = at->parent) {
    if (at == &above) return true;
    if (at->parent == at) return false;
  }
  return false;
}

// A renaming, from the look-ups to the end.
struct Rename {
  ParentOf from;
  ParentOf to;
  InodePtr from_directory;
  InodePtr to_directory;
  InodePtr moved;
  InodePtr replaced;  // what had the new name

  bool across() const { return from_directory != to_directory; }
};

// lock_rename(): of two directories the upper one first. Of two that are not above each other
// either may be, since only the one with the mutex locks such two.
Task<void> lock_directories(Sleepable& ctx, Os& os, Rename& rename) {
  if (rename.across()) co_await os.files.rename_mutex.lock(ctx);
  Inode* first = rename.from_directory.get();
  Inode* second = rename.to_directory.get();
  if (is_ancestor(*second, *first)) std::swap(first, second);
  co_await first->directory->i_rwsem.down_write(ctx);
  if (first != second) co_await second->directory->i_rwsem.down_write(ctx);
}

Task<void> unlock_directories(Sleepable& ctx, Os& os, Rename& rename) {
  co_await rename.to_directory->directory->i_rwsem.up_write(ctx);
  if (!rename.across()) co_return;
  co_await rename.from_directory->directory->i_rwsem.up_write(ctx);
  co_await os.files.rename_mutex.unlock(ctx);
}

// Finds what is to be moved and replaced. The caller has the locks.
Errno look(Rename& rename) {
  const Directory::Entry* const source = rename.from_directory->directory->find(rename.from.name);
  if (source == nullptr) return Errno::enoent;
  rename.moved = source->inode;
  const bool directory = rename.moved->directory != nullptr;
  if (!directory && (rename.from.slash_behind || rename.to.slash_behind)) return Errno::enotdir;
  if (directory && is_ancestor(*rename.moved, *rename.to_directory)) return Errno::einval;
  const Directory::Entry* const target = rename.to_directory->directory->find(rename.to.name);
  if (target == nullptr) return rename.to_directory->links == 0 ? Errno::enoent : Errno::ok;
  if (is_ancestor(*target->inode, *rename.from_directory)) return Errno::enotempty;
  rename.replaced = target->inode;
  const bool over_directory = rename.replaced->directory != nullptr;
  if (rename.replaced == rename.moved || directory == over_directory) return Errno::ok;
  return directory ? Errno::enotdir : Errno::eisdir;
}

// fsnotify_move().
Task<void> fsnotify_move(Atomic& ctx, Os& os, Rename& rename) {
  const std::uint32_t what = isdir(*rename.moved);
  const std::uint32_t cookie = ++os.files.last_cookie;
  co_await fsnotify_name(ctx, *rename.from_directory,
                         {kInMovedFrom | what, cookie, rename.from.name});
  co_await fsnotify_name(ctx, *rename.to_directory, {kInMovedTo | what, cookie, rename.to.name});
  if (rename.replaced != nullptr)
    co_await fsnotify_name(ctx, *rename.replaced, {kInAttrib | isdir(*rename.replaced)});
  co_await fsnotify_name(ctx, *rename.moved, {kInMoveSelf | what});
}

// All blocks first, then all names at once.
Task<Errno> move_name(Sleepable& ctx, Os& os, Rename& rename) {
  Inode& from = *rename.from_directory;
  Inode& to = *rename.to_directory;
  Inode& moved = *rename.moved;
  const std::uint64_t place = rename.replaced != nullptr ? to.directory->place_of(rename.to.name)
                                                         : to.directory->room_for(rename.to.name);
  const Result<PagePtr> new_block = co_await directory_block(ctx, os, to, place);
  if (!new_block) co_return new_block.error();
  const Result<PagePtr> old_block =
      co_await directory_block(ctx, os, from, from.directory->place_of(rename.from.name));
  if (!old_block) co_return old_block.error();
  const bool up_changes = moved.directory != nullptr && rename.across();
  Result<PagePtr> up_block = PagePtr{};
  if (up_changes) up_block = co_await directory_block(ctx, os, moved, Directory::kDotDot);
  if (!up_block) co_return up_block.error();
  co_await ctx.spend(ctx.costs().dirent_change, up_changes ? 3 : 2);
  if (rename.replaced != nullptr) {
    os.files.replace(to, rename.to.name, moved, os.page_cache);
    from.directory->erase(rename.from.name);
  } else {
    os.files.link(to, rename.to.name, moved);
    from.directory->erase(rename.from.name);
  }
  os.files.dentries.forget(from, rename.from.name);
  directory_changed(os, to, **new_block);
  directory_changed(os, from, **old_block);
  if (up_changes) directory_changed(os, moved, **up_block);
  co_await fsnotify_move(ctx, os, rename);
  co_return Errno::ok;
}

Task<Errno> carry_out(Sleepable& ctx, Os& os, Rename& rename) {
  const Errno error = look(rename);
  if (error != Errno::ok || rename.replaced == rename.moved) co_return error;
  const InodePtr over = rename.replaced;
  if (over == nullptr || over->directory == nullptr) co_return co_await move_name(ctx, os, rename);
  co_await over->directory->i_rwsem.down_write(ctx);
  Errno done = Errno::enotempty;
  if (over->directory->empty()) done = co_await move_name(ctx, os, rename);
  co_await over->directory->i_rwsem.up_write(ctx);
  co_return done;
}

Errno find_both(Os& os, const std::string& from, const std::string& to, Rename& rename) {
  const Result<ParentOf> old_parent = os.files.find_parent(from);
  if (!old_parent) return old_parent.error();
  const Result<ParentOf> new_parent = os.files.find_parent(to);
  if (!new_parent) return new_parent.error();
  rename.from = *old_parent;
  rename.to = *new_parent;
  rename.from_directory = rename.from.directory;
  rename.to_directory = rename.to.directory;
  if (rename.from_directory->volume != rename.to_directory->volume) return Errno::exdev;
  return rename.from.plain() && rename.to.plain() ? Errno::ok : Errno::ebusy;
}

}  // namespace

Task<Value> rename_file(Sleepable& ctx, Os& os, const std::string& from, const std::string& to) {
  Errno error = co_await walk_blocking(ctx, os, from);
  if (error == Errno::ok) error = co_await walk_blocking(ctx, os, to);
  if (error != Errno::ok) co_return fail(error);
  Rename rename;
  error = find_both(os, from, to, rename);
  if (error != Errno::ok) co_return fail(error);
  co_await lock_directories(ctx, os, rename);
  error = co_await carry_out(ctx, os, rename);
  co_await unlock_directories(ctx, os, rename);
  if (error != Errno::ok) co_return fail(error);
  rename.moved = nullptr;
  if (rename.replaced != nullptr) co_await last_reference(ctx, *rename.replaced);
  co_return 0;
}

}  // namespace iodrome::kernel
