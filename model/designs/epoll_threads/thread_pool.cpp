// SPDX-License-Identifier: Apache-2.0
#include "model/designs/epoll_threads/thread_pool.h"

#include <fmt/format.h>

namespace iodrome::designs::epoll_threads {

using namespace kernel;

// ngx_thread_pool_cycle().
struct ThreadPool::Worker final : ThreadBody {
  Worker(ThreadPool& owner, System& system, std::uint32_t number)
      : pool(owner),
        thread(system, fmt::format("pool/{}", number), events::CpuClass::user,
               number % static_cast<std::uint32_t>(system.cpus.size()), *this) {}

  Task<void> run(Sleepable& user) override {
    for (;;) {
      co_await pool.mutex_.lock(user);
      --pool.waiting_;
      while (pool.items_.empty()) co_await pool.news_.wait(user, pool.mutex_);
      Item& item = pool.items_.front();
      pool.items_.pop_front();
      co_await pool.mutex_.unlock(user);
      co_await item.run(user);
    }
  }

  ThreadPool& pool;
  RunningThread thread;
};

ThreadPool::ThreadPool(System& system, UserSync& sync, std::uint32_t threads,
                       std::int64_t max_queue)
    : max_queue_(max_queue), mutex_(sync), news_(sync) {
  for (std::uint32_t i = 0; i < threads; ++i)
    workers_.push_back(std::make_unique<Worker>(*this, system, i));
}

ThreadPool::~ThreadPool() = default;

Task<bool> ThreadPool::post(Sleepable& user, Item& item) {
  co_await mutex_.lock(user);
  const bool room = waiting_ < max_queue_;
  if (room) {
    user.set_stage(events::Stage::queue);
    user.stop_work();
    items_.push_back(item);
    ++waiting_;
    ++posted_;
    co_await news_.signal(user);
  }
  co_await mutex_.unlock(user);
  co_return room;
}

}  // namespace iodrome::designs::epoll_threads
