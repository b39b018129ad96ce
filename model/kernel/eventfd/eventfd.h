// SPDX-License-Identifier: Apache-2.0
// eventfd(2): a counter that threads and the kernel add to, and that can be waited for.
#pragma once
#include <limits>

#include "model/kernel/vfs/file_table.h"

namespace iodrome::kernel {

inline constexpr std::int32_t kEfdSemaphore = 1;
inline constexpr std::int32_t kEfdNonblock = 0x800;
inline constexpr std::int32_t kEfdCloexec = 0x80000;

/// The counter. Its largest value by write() is 2^64 - 2; signal() may bring it to 2^64 - 1.
///
/// Differs from Linux: its lock is free, since who holds it never waits.
/// Source: Linux fs/eventfd.c, eventfd(2).
class EventFd final : public FileObject {
 public:
  EventFd(std::uint32_t initial, bool semaphore)
      : FileObject(Kind::eventfd), count_(initial), semaphore_(semaphore) {}

  /// The counter, which becomes 0; or 1, of a semaphore, which loses 1. Sleeps while it is 0.
  ///
  /// Errors: EINVAL, fewer than eight bytes; EAGAIN, it is 0 and the file does not block;
  /// ERESTARTSYS.
  Task<Result<std::int64_t>> read(Sleepable& ctx, const File& file,
                                  std::span<std::byte> to) override;
  /// Adds to it. Sleeps while the sum would pass 2^64 - 2.
  ///
  /// Errors: EINVAL, fewer than eight bytes, or the value 2^64 - 1; EAGAIN; ERESTARTSYS.
  Task<Result<std::int64_t>> write(Sleepable& ctx, const File& file,
                                   std::span<const std::byte> from) override;
  /// In if it is not 0, out if 1 can be added, err at 2^64 - 1.
  Task<PollEvents> poll(Sleepable& ctx, const File& file, PollTable* table) override;
  /// eventfd_signal(), in any context: adds as far as there is room.
  Task<void> signal(Atomic& ctx, std::uint64_t add = 1);

  std::uint64_t count() const { return count_; }

 private:
  static constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

  std::uint64_t count_;
  const bool semaphore_;
  WaitQueue waiters_{"eventfd"};
};

/// A file over a new counter. Errors: EINVAL, flags that do not exist.
Result<FilePtr> make_eventfd(std::uint32_t initial, std::int32_t flags);

}  // namespace iodrome::kernel
