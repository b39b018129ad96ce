// SPDX-License-Identifier: Apache-2.0
// signalfd(2): signals that are read instead of handled. They must be blocked, or they are handled.
#pragma once
#include "model/kernel/signal/signals.h"
#include "model/kernel/vfs/file_table.h"

namespace iodrome::kernel {

inline constexpr std::int32_t kSfdNonblock = 0x800;
inline constexpr std::int32_t kSfdCloexec = 0x80000;

/// struct signalfd_siginfo, by Linux's offsets; the rest is 0 here.
struct SignalFdInfo {
  std::uint32_t number = 0;
  std::int32_t error = 0;
  std::int32_t code = 0;
  std::uint32_t sender[7] = {};
  std::int32_t status = 0;
  std::int32_t value = 0;     // ssi_int
  std::uint64_t pointer = 0;  // ssi_ptr
  std::uint8_t rest[72] = {};
};
static_assert(sizeof(SignalFdInfo) == 128);

/// The mask. Whose signals are told is decided by who reads or polls, not by who made it; epoll
/// listens at the process that added the file and asks on behalf of the thread that waits, as in
/// Linux.
///
/// Source: Linux fs/signalfd.c.
class SignalFd final : public FileObject {
 public:
  explicit SignalFd(SigSet mask) : FileObject(Kind::signalfd), mask_(mask) {}

  /// As many entries as wait and as there is room for. Sleeps while there is none.
  ///
  /// Errors: EINVAL, fewer than 128 bytes, or a thread without signals; EAGAIN; ERESTARTSYS,
  /// another signal came.
  Task<Result<std::int64_t>> read(Sleepable& ctx, const File& file,
                                  std::span<std::byte> to) override;
  Task<PollEvents> poll(Sleepable& ctx, const File& file, PollTable* table) override;
  void set_mask(SigSet mask) { mask_ = mask; }

 private:
  SigSet mask_;
};

/// A file over a new mask; SIGKILL and SIGSTOP are passed over. Errors: EINVAL, unknown flags.
Result<FilePtr> make_signalfd(SigSet mask, std::int32_t flags);
/// The object behind a file; nullptr if it is something else.
SignalFd* signalfd_of(const File& file);

}  // namespace iodrome::kernel
