// SPDX-License-Identifier: Apache-2.0
// Starting threads, and the pool of kernel threads that designs hand work to.
#pragma once
#include <memory>
#include <vector>

#include "model/kernel/cpu/context.h"
#include "model/kernel/kthread/ranked_works.h"
#include "model/kernel/sync/wait_queue.h"

namespace iodrome::kernel {

/// The code of a thread.
class ThreadBody {
 public:
  virtual ~ThreadBody() = default;
  virtual Task<void> run(Sleepable& ctx) = 0;
};

/// A thread and its context; both live as long as this object.
class RunningThread {
 public:
  /// Starts `body` on the CPU with that index. Class `user` starts in user mode, `kthread` is a
  /// kernel thread.
  RunningThread(System& system, std::string name, events::CpuClass cpu_class, std::uint32_t cpu,
                ThreadBody& body);
  RunningThread(const RunningThread&) = delete;
  RunningThread& operator=(const RunningThread&) = delete;

  Thread& thread() { return thread_; }
  bool ended() const { return thread_.state == Thread::State::dead; }

 private:
  class FirstRun;
  Task<void> main(ThreadBody& body);

  Thread thread_;
  Sleepable context_;
};

/// Work for a thread that may sleep; queued by whoever may not.
class Work {
 public:
  virtual ~Work() = default;
  virtual Task<void> run(Sleepable& ctx) = 0;
  std::uint64_t id = 0;
};

/// Kernel threads that take work in FIFO order, what has a lower rank first.
class KthreadPool {
 public:
  /// Starts `threads` of them; when work finds all of them busy, more are made, up to
  /// `max_threads`.
  KthreadPool(System& system, const char* name, std::uint32_t threads, std::uint32_t max_threads);
  /// One thread that stays on one CPU.
  KthreadPool(System& system, const char* name, const Cpu& pinned_to);
  ~KthreadPool();
  KthreadPool(const KthreadPool&) = delete;
  KthreadPool& operator=(const KthreadPool&) = delete;

  /// Legal in any context. `work` must live until it has run. It overtakes what waits with a higher
  /// rank, and nothing that runs.
  Task<void> queue(Atomic& ctx, Work& work, std::uint8_t rank = 0);
  std::size_t backlog() const { return items_.size(); }
  std::size_t thread_count() const { return workers_.size(); }

 private:
  struct Worker;
  void add_worker(bool pinned, std::uint32_t cpu);

  System& system_;
  const char* name_;
  std::uint32_t max_threads_;
  std::uint32_t busy_ = 0;
  std::uint32_t starting_ = 0;  // threads being made
  WaitQueue idle_;
  RankedWorks items_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

/// A bound workqueue: one worker per CPU; an item runs on the CPU that queued it.
///
/// Differs from Linux: one worker per CPU, so an item that sleeps holds up those behind it; no
/// max_active or rescuer.
class Workqueue {
 public:
  Workqueue(System& system, const char* name);
  Task<void> queue(Atomic& ctx, Work& work);

 private:
  std::vector<std::unique_ptr<KthreadPool>> workers_;
};

}  // namespace iodrome::kernel
