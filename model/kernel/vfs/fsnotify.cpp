// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/vfs/fsnotify.h"

#include <boost/container/small_vector.hpp>

#include "model/kernel/vfs/directory.h"

namespace iodrome::kernel {

using WatchPtr = boost::intrusive_ptr<InodeWatch>;

// Watches come and go while one of them is told.
Task<void> fsnotify_self(Atomic& ctx, Inode& inode, FsEvent event) {
  const InodePin pin(inode);
  boost::container::small_vector<WatchPtr, 4> all;
  for (InodeWatch& each : inode.watches) all.emplace_back(&each);
  for (const WatchPtr& each : all)
    if (each->is_linked()) co_await each->happened(ctx, event);
}

Task<void> fsnotify_inoderemove(Atomic& ctx, Inode& inode) {
  const InodePin pin(inode);
  co_await fsnotify_self(ctx, inode, {kInDeleteSelf | isdir(inode)});
  while (!inode.watches.empty()) {
    const WatchPtr first(&inode.watches.front());
    co_await first->inode_removed(ctx);
  }
}

Task<void> fsnotify_all(Atomic& ctx, Inode& inode, std::uint32_t mask) {
  const InodePin pin(inode);
  Inode* const parent = inode.parent;
  if (parent != nullptr && parent != &inode && !parent->watches.empty()) {
    const std::string name = parent->directory->entries().at(inode.entry).name;
    co_await fsnotify_self(ctx, *parent, {mask | isdir(inode), 0, name});
  }
  if (!inode.watches.empty()) co_await fsnotify_self(ctx, inode, {mask | isdir(inode)});
}

}  // namespace iodrome::kernel
