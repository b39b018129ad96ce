// SPDX-License-Identifier: Apache-2.0
// One file's readiness as something that an IoWait waits for: poll(2) of who does not sleep, as
// io_uring's poll requests are.
#pragma once
#include <list>

#include "model/kernel/poll/pollable.h"
#include "model/kernel/sync/io_wait.h"
#include "model/kernel/vfs/file_table.h"

namespace iodrome::kernel {

/// Looks in a thread, as poll functions may sleep. What a wake-up then tells of in its key is taken
/// for the answer, in the waker's context; one without a key makes the caller look once more.
///
/// A look costs what epoll's does, and a wake-up what its callback does.
/// Source: Linux io_uring/poll.c, io_poll_wake(): a request for one event is not checked again.
class FilePoll final : public Pooled {
 public:
  /// Beside `events`, errors and a hang-up are always told.
  FilePoll(FilePtr file, PollEvents events);
  ~FilePoll();
  FilePoll(const FilePoll&) = delete;
  FilePoll& operator=(const FilePoll&) = delete;

  /// The events that are there. Legal in any context once told(). Errors: EAGAIN with `wait` armed;
  /// EPERM, a regular file is never ready for what was asked.
  Task<Result<std::int64_t>> try_run(Sleepable& ctx, IoWait& wait);
  /// A wake-up has told of them.
  bool told() const { return found_ != 0; }
  PollEvents found() const { return found_; }
  /// Hears of nothing any more. True if `wait` expected it to: that is the caller's to take back.
  bool disarm();
  const File& file() const { return *file_; }

 private:
  struct Entry;
  struct Armed;
  struct Queueing;
  static Task<Woken> woken(Atomic& ctx, WaitEntry& self, WakeKey key);

  const FilePtr file_;
  const PollEvents mask_;
  PollEvents found_ = 0;
  boost::intrusive_ptr<Armed> armed_;  // while it is
};

}  // namespace iodrome::kernel
