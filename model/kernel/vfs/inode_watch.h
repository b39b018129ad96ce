// SPDX-License-Identifier: Apache-2.0
// Who hears of what happens to an inode.
#pragma once
#include <boost/intrusive/list.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <string_view>

#include "model/kernel/cpu/context.h"

namespace iodrome::kernel {

/// What has happened: bits as fsnotify.h has them.
struct FsEvent {
  std::uint32_t mask = 0;
  std::uint32_t cookie = 0;    // the same of both halves of a renaming
  std::string_view name = {};  // in the directory that is watched; none of what is itself watched
};

/// Hears of one inode, as inotify's watches do. Who tells it keeps it meanwhile.
class InodeWatch : public boost::intrusive::list_base_hook<
                       boost::intrusive::link_mode<boost::intrusive::auto_unlink>>,
                   public boost::intrusive_ref_counter<InodeWatch, boost::thread_unsafe_counter> {
 public:
  virtual ~InodeWatch() = default;
  /// In the context of whoever did it, while it is on an inode's list.
  virtual Task<void> happened(Atomic& ctx, FsEvent event) = 0;
  /// The inode is gone, and with it the watch.
  virtual Task<void> inode_removed(Atomic& ctx) = 0;
  /// The same where no thread can pay for it.
  virtual void inode_gone() = 0;
};

using InodeWatches =
    boost::intrusive::list<InodeWatch, boost::intrusive::constant_time_size<false>>;

}  // namespace iodrome::kernel
