// SPDX-License-Identifier: Apache-2.0
// One event of an inotify instance for who must not sleep.
#pragma once
#include "model/kernel/inotify/inotify.h"
#include "model/kernel/sync/io_wait.h"
#include "model/kernel/vfs/directory.h"

namespace iodrome::kernel {

/// struct inotify_event without its name, bytes.
inline constexpr std::size_t kInotifyHeader = 16;
/// With the longest name and its end, bytes: what a buffer must have for any event to fit.
inline constexpr std::size_t kInotifyLongest = kInotifyHeader + kNameMax + 1;

/// Takes one event. While it waits it can be ended by its destruction, and no event is lost.
///
/// Order: those that wait are served FIFO, each with an event of its own that nobody else can take,
/// ahead of threads in read(2) and of who polls.
/// Differs from Linux, where only read(2) takes events: O_NONBLOCK means nothing here; what is told
/// where no thread can pay, that an inode is gone, comes to who waits with the next event.
/// Source: Linux fs/notify/inotify/inotify_user.c, inotify_read().
class InotifyTake final : public InotifyTakeHook, public Pooled {
 public:
  /// Keeps the instance open.
  explicit InotifyTake(FilePtr file) : file_(std::move(file)) {}
  InotifyTake(const InotifyTake&) = delete;
  InotifyTake& operator=(const InotifyTake&) = delete;

  /// Writes the event as read(2) does and returns its bytes. Any context, never sleeps.
  ///
  /// Errors: EAGAIN with `wait` armed: call it again; EINVAL, the file is no instance, or `to` has
  /// no room for kInotifyLongest.
  Task<Result<std::int64_t>> try_run(Atomic& ctx, std::span<std::byte> to, IoWait& wait);
  /// It waits for an event: `wait` expects one thing that never comes once this has been destroyed.
  bool queued() const { return is_linked(); }

 private:
  friend class Inotify;

  const FilePtr file_;
  std::optional<InotifyEvent> event_;
  IoWait* wait_ = nullptr;
};

}  // namespace iodrome::kernel
