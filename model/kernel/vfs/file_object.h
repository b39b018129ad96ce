// SPDX-License-Identifier: Apache-2.0
// What stands behind a descriptor that is no file, socket or pipe: Linux's files on anonymous
// inodes.
#pragma once
#include <boost/intrusive/list.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cstddef>
#include <span>

#include "model/engine/result.h"
#include "model/kernel/poll/pollable.h"

namespace iodrome::kernel {

/// It may outlive its file: who wakes others on its behalf keeps it for so long.
class FileObject : public Pollable,
                   public boost::intrusive_ref_counter<FileObject, boost::thread_unsafe_counter> {
 public:
  enum class Kind : std::uint8_t { eventfd, timerfd, epoll, inotify, signalfd, socket };

  explicit FileObject(Kind of) : kind(of) {}
  FileObject(const FileObject&) = delete;
  FileObject& operator=(const FileObject&) = delete;

  /// read(2) and write(2), past the descriptor. Errors: EINVAL, unless the object has one.
  virtual Task<Result<std::int64_t>> read(Sleepable&, const File&, std::span<std::byte>) {
    return Task<Result<std::int64_t>>::ready(fail(Errno::einval));
  }
  virtual Task<Result<std::int64_t>> write(Sleepable&, const File&, std::span<const std::byte>) {
    return Task<Result<std::int64_t>>::ready(fail(Errno::einval));
  }
  /// Its file has ended; it may live on for those who hold it.
  virtual void file_ended() {}
  /// The last descriptor is being closed by a thread, which pays for it.
  virtual Task<void> release(Sleepable&) { return Task<void>::ready(); }

  const Kind kind;
};
using FileObjectPtr = boost::intrusive_ptr<FileObject>;

/// Hears of a file's end, as epoll's items do.
struct FileWatch
    : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
  virtual void file_ended() = 0;

 protected:
  ~FileWatch() = default;
};
using FileWatches = boost::intrusive::list<FileWatch, boost::intrusive::constant_time_size<false>>;

}  // namespace iodrome::kernel
