// SPDX-License-Identifier: Apache-2.0
// Open files and the table of descriptors.
#pragma once
#include <boost/intrusive_ptr.hpp>
#include <vector>

#include "model/engine/result.h"
#include "model/kernel/pipe/pipe.h"
#include "model/kernel/socket/socket.h"
#include "model/kernel/vfs/inode.h"

namespace iodrome::kernel {

/// An open file: exactly one of inode, socket, pipe is set.
struct File : Pooled {
  Inode* inode = nullptr;
  Socket* socket = nullptr;
  Pipe* pipe = nullptr;
  bool readable = true;
  bool writable = true;
  bool append = false;            // O_APPEND: every write goes to the end
  std::uint64_t error_since = 0;  // where it listens for errors of writeback
  std::uint32_t references = 0;
};
inline void intrusive_ptr_add_ref(File* file) {
  ++file->references;
}
inline void intrusive_ptr_release(File* file) {
  if (--file->references == 0) delete file;
}
using FilePtr = boost::intrusive_ptr<File>;

/// A process's descriptors: always the lowest free one, as POSIX asks.
class FileTable {
 public:
  explicit FileTable(std::uint32_t limit) : limit_(limit) {}

  /// Errors: EMFILE beyond the limit.
  Result<int> install(FilePtr file);
  /// Errors: EBADF.
  Result<FilePtr> get(int fd) const;
  /// Errors: EBADF.
  Result<FilePtr> remove(int fd);
  std::size_t open_count() const { return open_; }

 private:
  std::uint32_t limit_;
  std::size_t open_ = 0;
  std::vector<FilePtr> files_;
  std::vector<int> free_;  // a min-heap
};

}  // namespace iodrome::kernel
