// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/signal/signals.h"

#include <algorithm>
#include <utility>

#include "model/kernel/cpu/context.h"
#include "model/kernel/kthread/task_work.h"

namespace iodrome::kernel {

// --- a thread -----------------------------------------------------------------------------------

ThreadSignals::ThreadSignals(ProcessSignals& process, Thread& thread)
    : process_(process), thread_(&thread) {
  check(thread.signals == nullptr, "a thread belongs to one process");
  thread.signals = this;
  process.threads_.push_back(this);
  recalculate();
}

void ThreadSignals::exit() {
  if (thread_ == nullptr) return;
  process_.queued_ -= pending_.clear();
  // What it was chosen for is another's now.
  if (thread_->signal_pending) process_.show_to_others(*this, ~blocked_);
  process_.leave(*this);
  thread_->signals = nullptr;
  thread_->signal_pending = thread_->fatal_pending = false;
  thread_ = nullptr;
}

Thread::~Thread() {
  if (task_works != nullptr) task_works->forget();
  if (signals != nullptr) signals->exit();
}

SigSet ThreadSignals::waiting() const {
  return pending_.set() | process_.shared_.set();
}

void ThreadSignals::recalculate() {
  thread_->signal_pending = attend_ || thread_->fatal_pending || !(waiting() & ~blocked_).empty();
}

void ThreadSignals::attend(bool wanted) {
  attend_ = wanted;
  recalculate();
}

bool ThreadSignals::wants(std::int32_t number) const {
  const bool comes_by = thread_->state == Thread::State::running || !thread_->signal_pending;
  return !blocked_.has(number) && (number == kSigKill || (comes_by && !stopped_));
}

void ThreadSignals::block(SigSet mask) {
  const SigSet before = std::exchange(blocked_, mask & ~kSigKernelOnly);
  if (thread_->signal_pending) process_.show_to_others(*this, blocked_ & ~before);
  recalculate();
}

void ThreadSignals::wait_for(SigSet wanted) {
  real_blocked_ = blocked_;
  block(blocked_ & ~wanted);
}

void ThreadSignals::waited() {
  block(std::exchange(real_blocked_, {}));
}

void ThreadSignals::block_for_call(SigSet mask) {
  saved_mask_ = blocked_;
  block(mask);
}

void ThreadSignals::restore_mask() {
  if (saved_mask_) block(*std::exchange(saved_mask_, std::nullopt));
}

std::optional<SigInfo> ThreadSignals::take(SigSet wanted) {
  bool queued = false;
  std::optional<SigInfo> info = pending_.take(wanted, queued);
  if (!info) info = process_.shared_.take(wanted, queued);
  if (queued) --process_.queued_;
  recalculate();
  return info;
}

// --- the process --------------------------------------------------------------------------------

// __exit_signal(): whose turn it is stays.
void ProcessSignals::leave(const ThreadSignals& thread) {
  const auto at = std::ranges::find(threads_, &thread);
  if (static_cast<std::size_t>(at - threads_.begin()) < turn_) --turn_;
  threads_.erase(at);
}

bool ProcessSignals::ignores(std::int32_t number) const {
  const SigAction& does = action(number);
  return does.ignored || (!does.handler && kSigIgnoredByDefault.has(number));
}

// Of standard signals that a kill(2) or the kernel sends, one more may always be queued.
bool ProcessSignals::has_room(const SigInfo& info) const {
  return queued_ < most_pending_ || (info.number < kSigRtMin && info.code >= 0);
}

// What is neither caught nor ignored and leaves no core ends the process where it is sent.
bool ProcessSignals::fatal(std::int32_t number) const {
  const SigAction& does = action(number);
  return owner_ != nullptr && !does.handler && !does.ignored &&
         default_action(number) == DefaultAction::terminate;
}

void ProcessSignals::flush(SigSet numbers) {
  for (std::int32_t number = 1; number <= kSigMax; ++number) {
    if (!numbers.has(number)) continue;
    queued_ -= shared_.flush(number);
    for (ThreadSignals* const each : threads_) queued_ -= each->pending_.flush(number);
  }
  for (ThreadSignals* const each : threads_) each->recalculate();
}

// prepare_signal(): what stops and what goes on take each other back, blocked or not.
Task<void> ProcessSignals::prepare(Atomic& ctx, std::int32_t number) {
  if (kSigStops.has(number)) flush(SigSet::of(kSigCont));
  if (number != kSigCont) co_return;
  flush(kSigStops);
  co_await owner_->go_on(ctx);
}

Task<void> ProcessSignals::summon(Atomic& ctx, const ThreadSignals* except, bool to_end) {
  std::vector<std::uint64_t> ids;
  for (ThreadSignals* const each : threads_) {
    if (each == except) continue;
    each->thread_->signal_pending = true;
    if (to_end)
      each->thread_->fatal_pending = true;
    else
      each->attend_ = true;
    ids.push_back(each->thread_->id);
  }
  for (const std::uint64_t id : ids) co_await wake(ctx, id);
}

Task<Errno> ProcessSignals::send(Atomic& ctx, SigInfo info, ThreadSignals* to) {
  check(info.number >= 1 && info.number <= kSigMax, "a signal that does not exist");
  co_await ctx.spend(ctx.costs().signal_send);
  const bool gone =
      to != nullptr ? std::ranges::find(threads_, to) == threads_.end() : threads_.empty();
  if (gone) co_return Errno::esrch;
  if (owner_ != nullptr) {
    if (owner_->exits()) co_return Errno::ok;  // it is dying: nothing is to be done
    co_await prepare(ctx, info.number);
    // The threads may have changed while who sent this paid for wake-ups.
    if (threads_.empty() || (to != nullptr && std::ranges::find(threads_, to) == threads_.end()))
      co_return Errno::esrch;
  }
  const ThreadSignals& asked = to != nullptr ? *to : *threads_.front();
  // A blocked one is kept: the action may change before it is unblocked.
  const bool kept = (asked.blocked_ | asked.real_blocked_).has(info.number);
  if (ignores(info.number) && !kept) co_return Errno::ok;
  PendingSignals& pending = to != nullptr ? to->pending_ : shared_;
  if (info.number < kSigRtMin && pending.set().has(info.number)) co_return Errno::ok;
  const bool queued = has_room(info);
  if (!queued && info.number >= kSigRtMin && info.code != kSiUser) co_return Errno::eagain;
  if (queued)
    pending.queue(info);
  else
    pending.mark(info.number);
  queued_ += queued;
  std::uint64_t taker_id = 0;
  bool ends = false;
  if (ThreadSignals* const taker = find_taker(info.number, to)) {
    taker->thread_->signal_pending = true;
    taker_id = taker->thread_->id;
    ends = fatal(info.number) && !taker->real_blocked_.has(info.number);
    if (ends) owner_->begin_exit(info.number);
  }
  if (queued) co_await ctx.spend(ctx.costs().signal_queue);
  if (!readers_.empty()) co_await readers_.wake_up(ctx, 1, kPollIn);
  if (ends)
    co_await summon(ctx, nullptr, true);
  else if (taker_id != 0)
    co_await wake(ctx, taker_id);
  co_return Errno::ok;
}

void ProcessSignals::send_from_outside(std::int32_t number, ThreadSignals& to) {
  to.pending_.mark(number);
  readers_.wake_from_outside(system_);
  if (!to.blocked_.has(number)) signal_wake_up(system_, *to.thread_, nullptr);
}

// complete_signal(): who is to be told. Nobody: it waits until somebody unblocks or takes it.
ThreadSignals* ProcessSignals::find_taker(std::int32_t number, ThreadSignals* to) {
  if (to != nullptr) return to->wants(number) ? to : nullptr;
  if (threads_.front()->wants(number)) return threads_.front();
  for (std::size_t i = 0; i < threads_.size(); ++i) {
    const std::size_t at = (turn_ + i) % threads_.size();
    if (!threads_[at]->wants(number)) continue;
    turn_ = at;
    return threads_[at];
  }
  return nullptr;
}

// By its number, since the thread may end while the sender pays; or meet the signal by itself.
Task<void> ProcessSignals::wake(Atomic& ctx, std::uint64_t thread_id) {
  const auto asleep = [this, thread_id]() -> Thread* {
    const auto found = std::ranges::find_if(
        threads_, [&](const ThreadSignals* each) { return each->thread_->id == thread_id; });
    if (found == threads_.end()) return nullptr;
    Thread* const thread = (*found)->thread_;
    const bool ends = (thread->interruptible && thread->signal_pending) ||
                      (thread->killable && thread->fatal_pending);
    return ends ? thread : nullptr;
  };
  if (asleep() == nullptr) co_return;
  co_await ctx.spend(ctx.costs().try_to_wake_up);
  if (Thread* const thread = asleep()) co_await kernel::wake_up(ctx, *thread);
}

// retarget_shared_pending(): no waker is there to pay, as after a change of masks in Linux.
void ProcessSignals::show_to_others(const ThreadSignals& except, SigSet which) {
  which = which & shared_.set();
  for (ThreadSignals* const each : threads_) {
    if (each == &except || (which & ~each->blocked_).empty()) continue;
    which = which & each->blocked_;
    if (!each->thread_->signal_pending) signal_wake_up(system_, *each->thread_, nullptr);
  }
}

bool takes_signals(const Thread& thread) {
  return thread.signals != nullptr && thread.signals->process().owner() != nullptr;
}

Task<void> send_to_self(Sleepable& ctx, std::int32_t number) {
  ThreadSignals& mine = *ctx.thread().signals;
  co_await mine.process().send(ctx, {.number = number, .code = kSiUser}, &mine);
}

void ProcessSignals::set_action(std::int32_t number, SigAction action) {
  actions_.at(index(number)) = std::move(action);
  if (!ignores(number)) return;
  queued_ -= shared_.flush(number);
  for (ThreadSignals* const each : threads_) {
    queued_ -= each->pending_.flush(number);
    each->recalculate();
  }
}

}  // namespace iodrome::kernel
