// SPDX-License-Identifier: Apache-2.0
// How a thread of the pool tells a loop that it is done: a list in user memory, and an eventfd that
// the loop's epoll instance watches.
#pragma once
#include "model/designs/design.h"
#include "model/designs/epoll_threads/thread_pool.h"
#include "model/kernel/eventfd/eventfd.h"

namespace iodrome::designs::epoll_threads {

class EventLoop;

/// One step of a request, on its way through the pool and back.
class FileTask final : public ThreadPool::Item {
 public:
  explicit FileTask(EventLoop& loop) : loop_(loop) {}
  Task<void> run(kernel::Sleepable& thread) override;

  ChainRun* chain_run = nullptr;
  bool over = false;  // the step; else a send has found no room

 private:
  EventLoop& loop_;
};

/// A loop's list of what is done.
class Completions {
 public:
  using List = boost::intrusive::list<FileTask, boost::intrusive::constant_time_size<false>>;

  /// The file of the eventfd has no descriptor: it is the loop's alone.
  Completions(UserSync& sync, bool notify_each)
      : mutex_(sync),
        notify_each_(notify_each),
        eventfd_(*kernel::make_eventfd(0, kernel::kEfdNonblock)) {}
  Completions(const Completions&) = delete;
  Completions& operator=(const Completions&) = delete;

  /// Any thread: puts a task on the list, and writes to the eventfd: for each, or if it was
  /// empty.
  Task<void> push(kernel::Sleepable& user, FileTask& task);
  /// The loop: takes all of them, the first one first.
  Task<void> take(kernel::Sleepable& user, List& to);
  /// The loop, where its watch is level-triggered: sets the eventfd back to 0.
  Task<void> reset(kernel::Sleepable& user);
  const kernel::FilePtr& eventfd() const { return eventfd_; }

 private:
  UserMutex mutex_;
  const bool notify_each_;
  List done_;
  const kernel::FilePtr eventfd_;
};

}  // namespace iodrome::designs::epoll_threads
