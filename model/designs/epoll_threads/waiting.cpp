// SPDX-License-Identifier: Apache-2.0
// The loop's one call that sleeps, and what its events mean.
#include <utility>

#include "model/designs/epoll_threads/event_loop.h"

namespace iodrome::designs::epoll_threads {

using namespace kernel;
using Value = Result<std::int64_t>;

// What ends without leaving the loop must not keep it from its events: it waits for the next turn.
Task<Finished> EventLoop::reap(Sleepable& user) {
  if (turn_left_ == 0) {
    const bool due = !finished_.empty() || std::exchange(look_, true);
    if (due && under_way_ > 0) {
      co_await look(user, user.now(), nullptr);
      look_ = finished_.empty();
    }
    turn_left_ = finished_.size();
  }
  if (turn_left_ == 0) co_return Finished{};
  --turn_left_;
  ChainRun& run = *finished_.front();
  finished_.pop_front();
  co_return Finished{&run, 1};
}

Task<void> EventLoop::wait(Sleepable& user, const WakeCondition& woken) {
  co_await submit(user);
  if (finished_.empty()) co_await look(user, kNever, &woken);
  turn_left_ = finished_.size();
  look_ = false;
}

void EventLoop::on_arrival(System& system) {
  if (sleeper_ != nullptr) signal_wake_up(system, *sleeper_, nullptr);
}

Task<void> EventLoop::look(Sleepable& user, SimTime deadline, const WakeCondition* woken) {
  if (!eventfd_watched_) co_await watch_eventfd(user);
  if (!timers_.empty()) deadline = std::min(deadline, timers_.begin()->first);
  // An arrival is no event of the instance: it ends the call at no cost, as a signal would.
  if (woken != nullptr) sleeper_ = &user.thread();
  Value told = 0;
  if (woken == nullptr || !woken->holds())
    told =
        co_await syscall(user, Sysno::epoll_wait, epoll_of(*epoll_)->wait(user, events_, deadline));
  sleeper_ = nullptr;
  user.thread().signal_pending = false;
  const std::int64_t count = told ? *told : 0;
  for (std::int64_t i = 0; i < count; ++i)
    co_await handle(user, events_[static_cast<std::size_t>(i)]);
  expire(user);
}

// Once. What is done by then is seen by the addition itself. Without memory for it the loop would
// never hear of its pool, so it tries again.
Task<void> EventLoop::watch_eventfd(Sleepable& user) {
  const PollEvents how = engine_.params.edge ? kEpollEdge : 0;
  const EpollEvent wanted{kPollIn | how, kTold};
  constexpr int kDescriptor = -1;  // it has none, and neither has anything else that number
  while (!eventfd_watched_) {
    const Value added = co_await syscall(
        user, Sysno::epoll_ctl,
        epoll_of(*epoll_)->ctl(user, EpollOp::add, *completions_.eventfd(), kDescriptor, wanted));
    check(added || added.error() == Errno::enomem, "an eventfd could not be watched");
    eventfd_watched_ = added.has_value();
  }
}

Task<void> EventLoop::handle(Sleepable& user, const EpollEvent& event) {
  co_await user.spend(costs_.dispatch);
  if (event.data == kTold) co_return co_await take_done(user);
  const int fd = static_cast<int>(event.data);
  Connection& to = connections_[fd];
  to.ready = true;
  if (!std::exchange(to.waits, false)) co_return;
  co_await resume_sends(user, fd);
}

void EventLoop::expire(Sleepable& user) {
  while (!timers_.empty() && timers_.begin()->first <= user.now()) {
    ChainRun& run = *timers_.begin()->second;
    timers_.erase(timers_.begin());
    finish(user, run);
  }
}

}  // namespace iodrome::designs::epoll_threads
