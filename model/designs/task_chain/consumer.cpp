// SPDX-License-Identifier: Apache-2.0
#include "model/designs/task_chain/consumer.h"

#include <algorithm>
#include <utility>

#include "model/kernel/calls/signal_calls.h"

namespace iodrome::designs::task_chain {

using namespace kernel;
using Value = Result<std::int64_t>;
using Taken = Task<std::optional<ChainEvent>>;

Taken Consumer::take(Sleepable& user) {
  if (!early_.empty()) {
    const ChainEvent event = early_.front();
    early_.pop_front();
    return Taken::ready(event);
  }
  return then(queue_.take(user), [this](const std::optional<ChainEvent>& event) {
    if (event) ++taken_;
    return Taken::ready(event);
  });
}

// --- waiting ------------------------------------------------------------------------------------

Task<void> Consumer::wait(Sleepable& user, const WakeCondition& woken) {
  if (engine_.params.wake == WakeBy::syscall) {
    co_await queue_.wait(user, woken, lost_);
    co_return;
  }
  sleeper_ = &user.thread();
  if (engine_.params.wake == WakeBy::eventfd)
    co_await wait_in_epoll(user, woken);
  else if (engine_.params.wake == WakeBy::futex)
    co_await wait_on_futex(user, woken);
  else if (engine_.params.wake == WakeBy::signal)
    co_await wait_for_signal(user, woken);
  else
    co_await poll(user, woken);
  sleeper_ = nullptr;
  if (signals_ == nullptr) user.thread().signal_pending = false;  // that interrupt() has set
}

void Consumer::interrupt(System& system) {
  if (sleeper_ == nullptr) return;
  if (signals_ != nullptr)
    engine_.signals.send_from_outside(kSigIo, *signals_);
  else
    signal_wake_up(system, *sleeper_, nullptr);
}

// What is on the kernel's list comes into the ring by a call alone.
Task<bool> Consumer::anything_new(Sleepable& user) {
  const ChainRing::View view = co_await queue_.ring().look(user);
  completed_ = view.completed;
  if (view.entries || view.dropped != lost_) co_return true;
  const auto listed = static_cast<std::int32_t>(view.completed - view.dropped - taken_);
  if (listed <= 0) co_return false;
  co_await queue_.flush(user);
  co_return true;
}

// Edge-triggered, so that nobody need read the eventfd: every signal is news.
Task<void> Consumer::wait_in_epoll(Sleepable& user, const WakeCondition& woken) {
  constexpr int kDescriptor = 0;  // in an instance that watches nothing else
  if (epoll_ == nullptr) {
    epoll_ = *Epoll::make(0);
    const EpollEvent wanted{kPollIn | kEpollEdge, 0};
    const Value added = co_await syscall(
        user, Sysno::epoll_ctl,
        epoll_of(*epoll_)->ctl(user, EpollOp::add, *queue_.eventfd(), kDescriptor, wanted));
    check(added.has_value(), "an eventfd could not be watched");
  }
  const bool news = co_await anything_new(user);
  if (news || woken.holds()) co_return;
  EpollEvent event;
  co_await syscall(user, Sysno::epoll_wait, epoll_of(*epoll_)->wait(user, {&event, 1}, kNever));
}

Task<void> Consumer::wait_on_futex(Sleepable& user, const WakeCondition& woken) {
  const bool news = co_await anything_new(user);
  if (news || woken.holds()) co_return;
  co_await syscall(user, Sysno::futex,
                   engine_.futexes.wait(user, queue_.ring().completed(), completed_));
}

// It is blocked, so that it waits for who looks for it, and merged, so that one tells of all.
Task<void> Consumer::wait_for_signal(Sleepable& user, const WakeCondition& woken) {
  constexpr SigSet kWake = SigSet::of(kSigIo);
  if (signals_ == nullptr) {
    signals_ = std::make_unique<ThreadSignals>(engine_.signals, user.thread());
    co_await sys_rt_sigprocmask(user, SigHow::block, kWake);
    queue_.signal_to(*signals_);
  }
  const bool news = co_await anything_new(user);
  if (news || woken.holds()) co_return;
  co_await sys_rt_sigtimedwait(user, kWake, nullptr, Duration{-1});
}

Task<void> Consumer::poll(Sleepable& user, const WakeCondition& woken) {
  for (;;) {
    co_await user.spend(engine_.costs.user_poll);
    if (engine_.params.policy == chain::Continue::submitter) co_await do_task_work(user);
    const bool news = co_await anything_new(user);
    if (news || woken.holds()) co_return;
  }
}

// Who never leaves user mode goes through the kernel for it.
Task<void> Consumer::do_task_work(Sleepable& user) {
  const std::uint32_t told = co_await queue_.ring().task_work_told(user);
  if (told == std::exchange(task_work_, told)) co_return;
  co_await queue_.flush(user);
}

// --- what was lost ------------------------------------------------------------------------------

Task<bool> Consumer::misses_any(Sleepable& user) {
  return then(queue_.ring().look(user), [this](const ChainRing::View& view) {
    return Task<bool>::ready(view.dropped != lost_);
  });
}

// The question comes before the look at the ring: whoever has ended by then has its entry there, or
// none.
Task<std::vector<std::uint64_t>> Consumer::find_lost(Sleepable& user,
                                                     std::span<const std::uint64_t> mine) {
  const auto over = std::make_unique<bool[]>(mine.size());
  co_await queue_.status(user, mine, {over.get(), mine.size()});
  for (;;) {
    const std::optional<ChainEvent> event = co_await queue_.take(user);
    if (!event) break;
    ++taken_;
    early_.push_back(*event);
  }
  std::vector<std::uint64_t> lost;
  for (std::size_t i = 0; i < mine.size(); ++i)
    if (over[i] && std::ranges::find(early_, mine[i], &ChainEvent::user_data) == early_.end())
      lost.push_back(mine[i]);
  lost_ += static_cast<std::uint32_t>(lost.size());
  co_return lost;
}

}  // namespace iodrome::designs::task_chain
