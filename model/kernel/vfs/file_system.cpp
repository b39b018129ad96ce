// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/vfs/file_system.h"

namespace iodrome::kernel {

Result<Inode*> FileSystem::add_file(std::string path, std::uint64_t size_bytes,
                                    Inode::Metadata metadata, std::optional<std::size_t> volume) {
  if (by_path_.contains(path)) return fail(Errno::eexist);
  auto inode = std::make_unique<Inode>();
  inode->number = inodes_.size() + 1;
  inode->path = std::move(path);
  inode->size_bytes = size_bytes;
  inode->metadata = metadata;
  const Errno error = volumes_[volume.value_or(inodes_.size() % volumes_.size())].add(*inode);
  if (error != Errno::ok) return fail(error);
  by_path_.emplace(inode->path, inode.get());
  inodes_.push_back(std::move(inode));
  return inodes_.back().get();
}

Result<Inode*> FileSystem::lookup(const std::string& path) const {
  const auto found = by_path_.find(path);
  if (found == by_path_.end()) return fail(Errno::enoent);
  return found->second;
}

}  // namespace iodrome::kernel
