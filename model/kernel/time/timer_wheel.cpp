// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/time/timer_wheel.h"

#include <algorithm>
#include <bit>

#include "model/kernel/time/cpu_timers.h"

namespace iodrome::kernel {

Duration jiffy_length(const System& system) {
  check(system.scheduler.hz > 0, "timers in jiffies on a machine without ticks");
  return Duration{1s} / system.scheduler.hz;
}

Jiffies jiffies(const System& system) {
  return static_cast<Jiffies>(system.timeline.now().time_since_epoch() / jiffy_length(system));
}

Jiffies to_jiffies(const System& system, Duration time) {
  const Duration jiffy = jiffy_length(system);
  const std::int64_t whole = time / jiffy;
  return static_cast<Jiffies>(whole + (time % jiffy > Duration{0} ? 1 : 0));
}

// --- a timer ------------------------------------------------------------------------------------

Timer::~Timer() {
  if (running_) wheel_->running_ = nullptr;
  detach();
}

Task<bool> Timer::mod(Atomic& ctx, Jiffies expires) {
  const bool was_pending = detach();
  if (!running_) wheel_ = &CpuTimers::of(ctx.cpu()).wheel;
  wheel_->forward();
  wheel_->enqueue(*this, expires);
  // From here on it may expire, and be gone.
  return then(ctx.spend(ctx.costs().timer_mod),
              [was_pending] { return Task<bool>::ready(bool{was_pending}); });
}

Task<bool> Timer::mod_after(Atomic& ctx, Duration delay) {
  return mod(ctx, jiffies(ctx.system()) + to_jiffies(ctx.system(), delay));
}

bool Timer::detach() {
  if (!pending()) return false;
  unlink();
  wheel_->clear_if_empty(bucket_);
  return true;
}

Task<bool> Timer::del(Atomic& ctx) {
  if (!detach()) return Task<bool>::ready(false);
  return then(ctx.spend(ctx.costs().timer_del), [] { return Task<bool>::ready(true); });
}

Task<int> Timer::try_to_del_sync(Atomic& ctx) {
  if (running_) co_return -1;
  const bool was_pending = co_await del(ctx);
  co_return was_pending ? 1 : 0;
}

Task<bool> Timer::del_sync(Atomic& ctx) {
  for (;;) {
    const int deleted = co_await try_to_del_sync(ctx);
    if (deleted >= 0) co_return deleted != 0;
    check(&wheel_->cpu_ != &ctx.cpu(), "a CPU waits for the end of a timer's function it runs");
    co_await wheel_->spinners_.spin(ctx);
  }
}

// --- the wheel ----------------------------------------------------------------------------------

std::uint32_t TimerWheel::depth() const {
  return cpu_.system().scheduler.hz > 100 ? kMostLevels : kMostLevels - 1;
}

// The clock of a wheel at which nobody looked for a while may catch up, but not past what is due.
void TimerWheel::forward() {
  const Jiffies now = jiffies(cpu_.system());
  if (now <= clock_) return;
  clock_ = std::min(now, next_expiry_);
}

namespace {

// Where a level begins, in jiffies from the wheel's clock.
constexpr Jiffies level_start(std::uint32_t level) {
  return Jiffies{TimerWheel::kLevelSize - 1} << ((level - 1) * TimerWheel::kClockShift);
}

}  // namespace

// calc_wheel_index(): the bucket, and the jiffy at which it falls due. Rounded up by a granularity
// of the level: a timer is never early, whatever part of the jiffy has passed.
std::pair<std::uint32_t, Jiffies> TimerWheel::place(Jiffies expires) const {
  if (expires < clock_) return {clock_ & (kLevelSize - 1), clock_};
  const std::uint32_t last = depth() - 1;
  const Jiffies cutoff = level_start(depth());
  const Jiffies delta = expires - clock_;
  if (delta >= cutoff) expires = clock_ + cutoff - (Jiffies{1} << (last * kClockShift));
  std::uint32_t level = 0;
  while (level < last && delta >= level_start(level + 1)) ++level;
  const std::uint32_t shift = level * kClockShift;
  const Jiffies step = (expires >> shift) + 1;
  const auto index = static_cast<std::uint32_t>(step & (kLevelSize - 1));
  return {level * kLevelSize + index, step << shift};
}

void TimerWheel::enqueue(Timer& timer, Jiffies expires) {
  if (buckets_ == nullptr)
    buckets_ = std::make_unique<std::array<Bucket, kMostLevels * kLevelSize>>();
  const auto [bucket, due] = place(expires);
  timer.expires_ = expires;
  timer.bucket_ = bucket;
  (*buckets_)[bucket].push_front(timer);
  pending_[bucket / kLevelSize] |= std::uint64_t{1} << (bucket % kLevelSize);
  if (due >= next_expiry_) return;
  next_expiry_ = due;
  timers_.program_tick();
}

void TimerWheel::clear_if_empty(std::uint32_t bucket) {
  // A timer of a list that is being expired has left its bucket already.
  if (!(*buckets_)[bucket].empty()) return;
  const std::uint64_t bit = std::uint64_t{1} << (bucket % kLevelSize);
  if ((pending_[bucket / kLevelSize] & bit) == 0) return;
  pending_[bucket / kLevelSize] &= ~bit;
  recalculate();
}

void TimerWheel::recalculate() {
  next_expiry_ = first_due();
  timers_.program_tick();
}

// __next_timer_interrupt(): the first bucket of each level after its clock. A level's clock is the
// one below it divided by eight, rounded up: what is due at its present value has expired.
Jiffies TimerWheel::first_due() const {
  Jiffies next = kNoJiffy;
  Jiffies clock = clock_;
  for (std::uint32_t level = 0; level < depth(); ++level) {
    const auto position = static_cast<int>(clock & (kLevelSize - 1));
    const std::uint64_t ahead = std::rotr(pending_[level], position);
    if (ahead != 0) {
      const Jiffies due = (clock + static_cast<Jiffies>(std::countr_zero(ahead)))
                          << (level * kClockShift);
      next = std::min(next, due);
    }
    const bool rest = (clock & ((1u << kClockShift) - 1)) != 0;
    clock = (clock >> kClockShift) + (rest ? 1 : 0);
  }
  return next;
}

Task<void> TimerWheel::run(Atomic& ctx) {
  const System& system = ctx.system();
  while (next_expiry_ <= jiffies(system)) {
    clock_ = next_expiry_;
    // collect_expired_timers(): a level is looked at when the one below has come round.
    std::array<Bucket, kMostLevels> expired;
    Jiffies clock = clock_;
    for (std::uint32_t level = 0; level < depth(); ++level) {
      const auto index = static_cast<std::uint32_t>(clock & (kLevelSize - 1));
      pending_[level] &= ~(std::uint64_t{1} << index);
      expired[level].swap((*buckets_)[level * kLevelSize + index]);
      if ((clock & ((1u << kClockShift) - 1)) != 0) break;
      clock >>= kClockShift;
    }
    ++clock_;
    recalculate();
    for (std::uint32_t level = kMostLevels; level-- > 0;) co_await expire(ctx, expired[level]);
  }
}

Task<void> TimerWheel::expire(Atomic& ctx, Bucket& expired) {
  while (!expired.empty()) {
    Timer& timer = expired.front();
    expired.pop_front();
    running_ = &timer;
    timer.running_ = true;
    co_await ctx.spend(ctx.costs().timer_expire);
    if (running_ == nullptr) continue;  // destroyed meanwhile
    co_await timer.function_(ctx, timer);
    if (running_ != nullptr) std::exchange(running_, nullptr)->running_ = false;
    spinners_.release(cpu_.timeline());
  }
}

}  // namespace iodrome::kernel
