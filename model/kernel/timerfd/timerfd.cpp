// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/timerfd/timerfd.h"

#include <cstring>

namespace iodrome::kernel {

// timerfd_tmrproc(). The file may be closed meanwhile.
Task<HrRestart> TimerFd::expired(Atomic& ctx, HrTimer& self) {
  TimerFd& timer = static_cast<Clock&>(self).owner;
  const FileObjectPtr keep(&timer);
  timer.expired_ = true;
  ++timer.ticks_;
  if (!timer.waiters_.empty()) co_await timer.waiters_.wake_up(ctx, 1, kPollIn);
  co_return HrRestart::no;
}

TimerSetting TimerFd::remaining(SimTime now) const {
  const bool running = timer_.queued() && timer_.expires() > now;
  return {interval_, running ? timer_.expires() - now : Duration{0}};
}

// A periodic timer that has expired is forwarded past now; it has expired that often.
Task<void> TimerFd::catch_up(Sleepable& ctx) {
  expired_ = false;
  ticks_ += timer_.forward(ctx.now(), interval_) - 1;
  co_await timer_.start(ctx, timer_.expires());
}

Task<Result<TimerSetting>> TimerFd::set(Sleepable& ctx, std::int32_t flags, TimerSetting setting) {
  if ((flags & ~(kTfdAbstime | kTfdCancelOnSet)) != 0) co_return fail(Errno::einval);
  if (setting.value < Duration{0} || setting.interval < Duration{0}) co_return fail(Errno::einval);
  co_await ctx.spend(ctx.costs().timerfd_call);
  const FileObjectPtr self(this);
  const bool was_queued = timer_.queued();
  const TimerSetting before = remaining(ctx.now());
  co_await timer_.cancel(ctx);
  TimerSetting old = before;
  if (!was_queued && expired_ && interval_ > Duration{0}) {
    timer_.forward(ctx.now(), interval_);
    old.value = timer_.expires() - ctx.now();
  }
  expired_ = false;
  ticks_ = 0;
  interval_ = setting.interval;
  if (setting.value == Duration{0}) co_return old;
  const bool absolute = (flags & kTfdAbstime) != 0;
  const SimTime at = absolute ? SimTime{} + setting.value : later(ctx.now(), setting.value);
  co_await timer_.start(ctx, at);
  co_return old;
}

Task<Result<TimerSetting>> TimerFd::get(Sleepable& ctx) {
  co_await ctx.spend(ctx.costs().timerfd_call);
  const FileObjectPtr self(this);
  if (expired_ && interval_ > Duration{0}) co_await catch_up(ctx);
  co_return remaining(ctx.now());
}

Task<Result<std::int64_t>> TimerFd::read(Sleepable& ctx, const File& file,
                                         std::span<std::byte> to) {
  if (to.size() < sizeof(ticks_)) co_return fail(Errno::einval);
  co_await ctx.spend(ctx.costs().timerfd_call);
  const FileObjectPtr self(this);
  while (ticks_ == 0) {
    if (file.nonblocking) co_return fail(Errno::eagain);
    const WaitOutcome ended =
        co_await waiters_.wait_for(ctx, "timerfd", events::Stage::queue, kSharedWait);
    if (ended == WaitOutcome::interrupted) co_return fail(Errno::erestartsys);
  }
  const bool periodic = expired_ && interval_ > Duration{0};
  std::uint64_t ticks = std::exchange(ticks_, 0);
  expired_ = false;
  if (periodic) {
    ticks += timer_.forward(ctx.now(), interval_) - 1;
    co_await timer_.start(ctx, timer_.expires());
  }
  std::memcpy(to.data(), &ticks, sizeof(ticks));
  co_return sizeof(ticks);
}

Task<PollEvents> TimerFd::poll(Sleepable&, const File&, PollTable* table) {
  if (table != nullptr) table->queue(waiters_);
  return Task<PollEvents>::ready(PollEvents{ticks_ != 0 ? kPollIn : 0});
}

Task<void> TimerFd::release(Sleepable& ctx) {
  co_await timer_.cancel(ctx);
}

Result<FilePtr> make_timerfd(std::int32_t clock, std::int32_t flags) {
  if ((flags & ~(kTfdNonblock | kTfdCloexec)) != 0) return fail(Errno::einval);
  if (clock != kClockRealtime && clock != kClockMonotonic && clock != kClockBoottime)
    return fail(Errno::einval);
  FilePtr file{new File};
  file->object = new TimerFd;
  file->nonblocking = (flags & kTfdNonblock) != 0;
  return file;
}

}  // namespace iodrome::kernel
