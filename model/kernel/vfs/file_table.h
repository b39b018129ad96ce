// SPDX-License-Identifier: Apache-2.0
// Open files and the table of descriptors.
#pragma once
#include <boost/intrusive_ptr.hpp>
#include <vector>

#include "model/engine/result.h"
#include "model/kernel/pipe/pipe.h"
#include "model/kernel/socket/socket.h"
#include "model/kernel/vfs/file_object.h"
#include "model/kernel/vfs/inode.h"

namespace iodrome::kernel {

/// An open file: exactly one of inode, socket, pipe and object is set.
struct File : Pooled {
  File() = default;
  ~File() {
    while (!watches.empty()) watches.front().file_ended();
    if (object != nullptr) object->file_ended();
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  /// What poll sees of it; nullptr for a regular file.
  Pollable* pollable() const {
    if (socket != nullptr) return socket;
    if (pipe != nullptr) return pipe;
    return object.get();
  }

  InodePtr inode;
  Socket* socket = nullptr;
  Pipe* pipe = nullptr;
  FileObjectPtr object;
  FileWatches watches;  // gone with the file; each takes itself out
  bool readable = true;
  bool writable = true;
  bool nonblocking = false;       // O_NONBLOCK, of objects
  bool append = false;            // O_APPEND: every write goes to the end
  std::uint64_t position = 0;     // of a directory: where getdents goes on
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

/// A process's descriptors: always the lowest free one, as POSIX asks. A copy has the same open
/// files, with their positions and flags.
class FileTable {
 public:
  explicit FileTable(std::uint32_t limit) : limit_(limit) {}

  /// Errors: EMFILE beyond the limit.
  Result<int> install(FilePtr file);
  /// Errors: EBADF.
  Result<FilePtr> get(int fd) const;
  /// Errors: EBADF.
  Result<FilePtr> remove(int fd);
  /// The lowest descriptor from `from` on; -1 if there is none.
  int next_open(int from) const;
  std::size_t open_count() const { return open_; }
  std::uint32_t limit() const { return limit_; }
  /// RLIMIT_NOFILE has changed; what is open beyond it stays.
  void set_limit(std::uint32_t limit) { limit_ = limit; }

 private:
  std::uint32_t limit_;
  std::size_t open_ = 0;
  std::vector<FilePtr> files_;
  std::vector<int> free_;  // a min-heap
};

}  // namespace iodrome::kernel
