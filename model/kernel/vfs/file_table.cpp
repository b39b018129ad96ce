// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/vfs/file_table.h"

#include <algorithm>
#include <functional>

namespace iodrome::kernel {

Result<int> FileTable::install(FilePtr file) {
  int fd = static_cast<int>(files_.size());
  if (!free_.empty() && static_cast<std::uint32_t>(free_.front()) < limit_) {
    std::pop_heap(free_.begin(), free_.end(), std::greater<>{});
    fd = free_.back();
    free_.pop_back();
  } else if (files_.size() < limit_) {
    files_.emplace_back();
  } else {
    return fail(Errno::emfile);
  }
  files_[static_cast<std::size_t>(fd)] = std::move(file);
  ++open_;
  return fd;
}

Result<FilePtr> FileTable::get(int fd) const {
  const auto index = static_cast<std::size_t>(fd);
  if (fd < 0 || index >= files_.size() || files_[index] == nullptr) return fail(Errno::ebadf);
  return files_[index];
}

Result<FilePtr> FileTable::remove(int fd) {
  Result<FilePtr> file = get(fd);
  if (!file) return file;
  files_[static_cast<std::size_t>(fd)] = nullptr;
  free_.push_back(fd);
  std::push_heap(free_.begin(), free_.end(), std::greater<>{});
  --open_;
  return file;
}

int FileTable::next_open(int from) const {
  for (auto fd = static_cast<std::size_t>(from); fd < files_.size(); ++fd)
    if (files_[fd] != nullptr) return static_cast<int>(fd);
  return -1;
}

}  // namespace iodrome::kernel
