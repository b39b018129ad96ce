// SPDX-License-Identifier: Apache-2.0
// One event loop of a server: sockets that do not block, an epoll instance, and a pool of threads
// for whatever a disk can hold up.
#pragma once
#include <deque>
#include <map>

#include "model/designs/epoll_threads/completions.h"
#include "model/kernel/epoll/epoll.h"

namespace iodrome::designs::epoll_threads {

struct EpollParams {
  std::int64_t threads = 0;    // of a pool
  std::int64_t max_queue = 0;  // items that may wait for them
  std::string pool_of;
  std::int64_t events = 0;  // told by one epoll_wait
  std::string trigger;
  std::string sendfile_by;
  std::string notify;

  // As take_up() has understood them.
  bool edge = true;
  bool pool_sends = true;
  bool pool_each = true;
  bool notify_each = true;
};

struct EpollCosts {
  kernel::Cost task_prepare;  // user: a task for the pool filled in
  kernel::Cost dispatch;      // user: an event's handler found and called
};

class EventLoop;

struct EpollCounts {
  std::uint64_t pool_full = 0;   // tasks that the loop did itself, for want of room
  std::uint64_t send_waits = 0;  // sends that waited for EPOLLOUT
};

/// What the loops of a process share.
struct EpollEngine {
  EpollEngine(kernel::Os& kernel_of, Process& of, const EpollParams& with);
  /// The pool of the next loop: its own, or everybody's.
  ThreadPool& pool_for_loop();
  kernel::Os& os;
  Process& process;
  const EpollParams& params;
  UserSync sync;
  std::vector<std::unique_ptr<ThreadPool>> pools{};
  std::vector<EventLoop*> loops{};
  EpollCounts counts{};
};

class EventLoop final : public AppSide {
 public:
  EventLoop(EpollEngine& engine, EpollCosts& costs);
  ~EventLoop() override;
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  Way way(const Step& step) const override;
  Task<Result<std::int64_t>> call(kernel::Sleepable& user, ChainRun& run) override;
  Task<bool> queue(kernel::Sleepable& user, ChainRun& run) override;
  Task<void> submit(kernel::Sleepable& user) override;
  /// A turn of the loop that does not end in wait() looks once what epoll has to tell.
  Task<Finished> reap(kernel::Sleepable& user) override;
  Task<void> wait(kernel::Sleepable& user, const WakeCondition& woken) override;
  void on_arrival(kernel::System& system) override;

  /// Any thread: carries the task's step out as far as it goes; its value is in the results.
  Task<void> carry_out(kernel::Sleepable& thread, FileTask& task);
  Completions& completions() { return completions_; }
  /// Any thread: the descriptor has been closed. A send that waits for room there would wait for
  /// ever, since epoll forgets the file: it ends with EBADF. What has that number next is another
  /// connection.
  Task<void> closed(kernel::Sleepable& thread, int fd);

 private:
  // What the loop knows of a socket that it sends to.
  struct Connection {
    bool watched = false;           // by the epoll instance
    bool waits = false;             // the first send does, for EPOLLOUT
    bool ready = false;             // EPOLLOUT came while a thread was sending
    std::deque<ChainRun*> sends{};  // the first one is under way
  };
  static constexpr std::uint64_t kTold = ~std::uint64_t{0};  // data of the eventfd

  Task<void> start(kernel::Sleepable& user, ChainRun& run);
  Task<bool> do_or_post(kernel::Sleepable& user, ChainRun& run);
  FileTask& task_of(ChainRun& run);
  Task<void> take_done(kernel::Sleepable& user);
  void finish(kernel::Sleepable& user, ChainRun& run);

  // sending.cpp
  Task<Result<std::int64_t>> close(kernel::Sleepable& user, ChainRun& run);
  Task<void> begin_send(kernel::Sleepable& user, ChainRun& run);
  Task<void> send_in_line(kernel::Sleepable& user, int fd);
  Task<void> resume_sends(kernel::Sleepable& user, int fd);
  Task<bool> send_on(kernel::Sleepable& thread, ChainRun& run);
  Task<bool> goes_on(kernel::Sleepable& user, int fd, bool over);
  Task<Errno> await_room(kernel::Sleepable& user, int fd);

  // waiting.cpp
  Task<void> watch_eventfd(kernel::Sleepable& user);
  Task<void> look(kernel::Sleepable& user, SimTime deadline, const WakeCondition* woken);
  Task<void> handle(kernel::Sleepable& user, const kernel::EpollEvent& event);
  void expire(kernel::Sleepable& user);

  EpollEngine& engine_;
  ThreadPool& pool_;
  EpollCosts& costs_;
  const kernel::FilePtr epoll_;
  Completions completions_;
  std::vector<std::unique_ptr<FileTask>> tasks_;  // by slot
  std::map<int, Connection> connections_;         // by descriptor
  std::multimap<SimTime, ChainRun*> timers_;
  std::vector<ChainRun*> queued_;
  std::deque<ChainRun*> finished_;
  std::vector<kernel::EpollEvent> events_;
  kernel::Thread* sleeper_ = nullptr;  // this thread, while an arrival ends its wait
  std::uint64_t under_way_ = 0;
  bool eventfd_watched_ = false;
  std::size_t turn_left_ = 0;  // of what has finished, to be reaped before the next look
  bool look_ = false;          // a turn of the loop has found nothing finished
};

}  // namespace iodrome::designs::epoll_threads
