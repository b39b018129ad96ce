// SPDX-License-Identifier: Apache-2.0
// timerfd_create(2): a high-resolution timer whose expirations can be read and waited for.
#pragma once
#include "model/kernel/time/hrtimer.h"
#include "model/kernel/vfs/file_table.h"

namespace iodrome::kernel {

inline constexpr std::int32_t kTfdNonblock = 0x800;
inline constexpr std::int32_t kTfdCloexec = 0x80000;
inline constexpr std::int32_t kTfdAbstime = 1;
inline constexpr std::int32_t kTfdCancelOnSet = 2;

/// The clocks that a timerfd may have, by Linux's numbers.
inline constexpr std::int32_t kClockRealtime = 0;
inline constexpr std::int32_t kClockMonotonic = 1;
inline constexpr std::int32_t kClockBoottime = 7;

/// struct itimerspec: the time to the first expiration, 0 for never, and between later ones, 0 for
/// one shot.
struct TimerSetting {
  Duration interval{};
  Duration value{};
};

/// The timer. A periodic one is not started anew when it expires but when it is read or asked, with
/// what it has missed counted then.
///
/// Differs from Linux: all clocks are the machine's time, which nobody sets or suspends, so
/// TFD_TIMER_CANCEL_ON_SET never cancels; no alarm clocks; its lock is free.
/// Source: Linux fs/timerfd.c, timerfd_create(2).
class TimerFd final : public FileObject {
 public:
  TimerFd() : FileObject(Kind::timerfd) {}

  /// timerfd_settime(): what was set before, as gettime() would tell it.
  ///
  /// Errors: EINVAL, flags that do not exist, or a negative time.
  Task<Result<TimerSetting>> set(Sleepable& ctx, std::int32_t flags, TimerSetting setting);
  /// timerfd_gettime(): the time that is left, 0 if it is not running, and the interval.
  Task<Result<TimerSetting>> get(Sleepable& ctx);
  /// Expirations since it was set or read last. Sleeps while there is none.
  ///
  /// Errors: EINVAL, fewer than eight bytes; EAGAIN; ERESTARTSYS.
  Task<Result<std::int64_t>> read(Sleepable& ctx, const File& file,
                                  std::span<std::byte> to) override;
  Task<PollEvents> poll(Sleepable& ctx, const File& file, PollTable* table) override;
  Task<void> release(Sleepable& ctx) override;

 private:
  struct Clock : HrTimer {
    explicit Clock(TimerFd& of) : HrTimer(&TimerFd::expired), owner(of) {}
    TimerFd& owner;
  };
  static Task<HrRestart> expired(Atomic& ctx, HrTimer& self);
  Task<void> catch_up(Sleepable& ctx);
  TimerSetting remaining(SimTime now) const;

  Clock timer_{*this};
  Duration interval_{};
  std::uint64_t ticks_ = 0;
  bool expired_ = false;
  WaitQueue waiters_{"timerfd"};
};

/// A file over a new timer. Errors: EINVAL, flags or a clock that do not exist.
Result<FilePtr> make_timerfd(std::int32_t clock, std::int32_t flags);

}  // namespace iodrome::kernel
