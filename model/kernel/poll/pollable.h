// SPDX-License-Identifier: Apache-2.0
// What poll, select and epoll see of a file: what it is ready for, and where to hear of changes.
#pragma once
#include "model/kernel/sync/wait_queue.h"

namespace iodrome::kernel {

struct File;

/// Events of poll(2), by Linux's bits; also the keys of wake-ups (0 is every event).
///
/// Differs from Linux: EPOLLRDNORM, EPOLLWRNORM and the bands are not told apart from EPOLLIN and
/// EPOLLOUT.
using PollEvents = std::uint32_t;
inline constexpr PollEvents kPollIn = 0x001;
inline constexpr PollEvents kPollPri = 0x002;
inline constexpr PollEvents kPollOut = 0x004;
inline constexpr PollEvents kPollErr = 0x008;
inline constexpr PollEvents kPollHup = 0x010;
inline constexpr PollEvents kPollRdHup = 0x2000;

/// poll_table: what a poller queues on whatever the file wakes.
class PollTable {
 public:
  /// poll_wait().
  virtual void queue(WaitQueue& on) = 0;

 protected:
  ~PollTable() = default;
};

/// A file that can be polled. Regular files are none: they are always ready.
class Pollable {
 public:
  virtual ~Pollable() = default;
  /// vfs_poll(): what `file`, which has this behind it, is ready for. With a table, queues it
  /// first, so that no change is missed.
  virtual Task<PollEvents> poll(Sleepable& ctx, const File& file, PollTable* table) = 0;
};

}  // namespace iodrome::kernel
