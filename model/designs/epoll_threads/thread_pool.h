// SPDX-License-Identifier: Apache-2.0
// The application's threads for what blocks: a queue, a mutex, a condition variable.
//
// Source: nginx src/core/ngx_thread_pool.c.
#pragma once
#include "model/designs/user_sync.h"
#include "model/kernel/kthread/kthread.h"

namespace iodrome::designs::epoll_threads {

/// A pool. Its threads are there from the start, spread over the CPUs.
class ThreadPool {
 public:
  /// What a thread carries out.
  class Item : public boost::intrusive::list_base_hook<
                   boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
   public:
    virtual ~Item() = default;
    virtual Task<void> run(kernel::Sleepable& thread) = 0;
  };

  ThreadPool(kernel::System& system, UserSync& sync, std::uint32_t threads, std::int64_t max_queue);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// ngx_thread_task_post(): puts the item at the queue's end and signals a thread. The request
  /// that the caller works on is the item's from then on, in stage `queue`. May sleep for the
  /// queue. False: `max_queue` more items wait than threads do.
  Task<bool> post(kernel::Sleepable& user, Item& item);
  std::uint64_t posted() const { return posted_; }
  std::uint64_t contended() const { return mutex_.contended(); }

 private:
  struct Worker;

  const std::int64_t max_queue_;
  UserMutex mutex_;
  UserCondition news_;
  boost::intrusive::list<Item, boost::intrusive::constant_time_size<false>> items_;
  std::int64_t waiting_ = 0;  // items, less threads that wait for one
  std::uint64_t posted_ = 0;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace iodrome::designs::epoll_threads
