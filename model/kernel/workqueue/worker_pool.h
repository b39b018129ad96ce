// SPDX-License-Identifier: Apache-2.0
// Worker pools: threads that take items in FIFO order, as many as it takes to keep one running.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "model/kernel/kthread/kthread.h"
#include "model/kernel/time/timer_wheel.h"
#include "model/kernel/workqueue/work.h"

namespace iodrome::kernel::wq {

class WorkerPool;

/// Of high-priority workers and rescuers. Source: Linux kernel/workqueue.c, HIGHPRI_NICE_LEVEL.
inline constexpr int kHighpriNice = -20;

/// How pools keep their workers.
struct PoolParams {
  /// Idle workers beyond what is needed end after this time. Source: Linux kernel/workqueue.c,
  /// IDLE_WORKER_TIMEOUT.
  Duration idle_timeout = 300s;
  /// A worker that could not be made is tried again after this time. Source: CREATE_COOLDOWN.
  Duration create_cooldown = 1s;
  /// A pool without a worker for its items calls the rescuers after the first time, then each time
  /// the second has passed. Source: MAYDAY_INITIAL_TIMEOUT, MAYDAY_INTERVAL.
  Duration mayday_initial = 10ms;
  Duration mayday_interval = 100ms;
};

/// A thread that carries out items.
class Worker : public ThreadBody {
 public:
  ~Worker() override;
  /// Where the item that it carries out was queued.
  PoolWorkqueue* current_share() const { return current_share_; }
  virtual Thread& thread() = 0;

 protected:
  friend class Work;
  friend class PoolWorker;
  friend Task<bool> flush_work(Sleepable& ctx, Work& work);
  friend Task<bool> cancel_work_sync(Sleepable& ctx, Work& work);

  /// Takes the item over for the worker that runs it now, if there is one: it never runs twice at
  /// a time.
  void assign(Work& work);
  /// Carries out what was assigned.
  Task<void> process_scheduled(Sleepable& ctx);
  virtual void count_as_running(bool) {}

 private:
  Task<void> process_one(Sleepable& ctx, Work& work);
  void begin(Work& work);
  void forget_current();

  Work* current_ = nullptr;
  PoolWorkqueue* current_share_ = nullptr;
  List<Work> scheduled_;
  List<Barrier> barriers_;  // for the run in progress
};

/// Lets those go that wait for a run that is over.
Task<void> release(Atomic& ctx, List<Barrier>& barriers);

/// A worker of a pool.
class PoolWorker final : public Worker, public Hook {
 public:
  PoolWorker(WorkerPool& pool, std::string name, std::uint32_t cpu, int nice);
  Thread& thread() override { return thread_.thread(); }
  Task<void> run(Sleepable& ctx) override;

 private:
  friend class WorkerPool;
  // Tells the pool when the worker sleeps and when it runs again.
  struct Watch final : SchedWatcher {
    explicit Watch(PoolWorker& of) : worker(of) {}
    void off_cpu(Thread& thread) override;
    void on_cpu(Thread&) override;
    PoolWorker& worker;
  };
  void count_as_running(bool on) override;
  Task<void> look_for_work(Sleepable& ctx);

  WorkerPool& pool_;
  Watch watch_{*this};
  bool counted_ = false;  // it is one of the pool's running workers, unless it sleeps
  bool slept_ = false;
  bool started_ = false;
  bool dying_ = false;
  SimTime idle_since_{};
  RunningThread thread_;
};

/// Items that wait, and the workers that share them.
///
/// Invariants
///  1. A worker that begins to work leaves an idle one behind, or has tried to make one.
///  2. Bound: if items wait and an idle worker was not woken for them, another worker runs.
///
/// Differs from Linux: no lock is charged; the manager itself takes `thread_create`; who goes to
/// sleep wakes another at no cost, as do the timers; that of idle workers is stopped, for free,
/// when they are no longer too many; one unbound pool of each priority serves all CPUs.
class WorkerPool {
 public:
  /// `bound_to`: the CPU of its workers; without one they run anywhere, as many as there are items.
  WorkerPool(System& system, std::string name, const Cpu* bound_to, int nice,
             const PoolParams& params);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  std::size_t backlog() const { return items_.size(); }
  /// Those that have not ended.
  std::size_t workers() const { return live_; }
  std::size_t idle_workers() const { return idle_.size(); }
  /// Bound: workers that carry out items which count, and do not sleep.
  std::uint32_t running() const { return running_; }

  /// Whether this thread is a worker here that carries out an item of that queue.
  bool carries_out(Thread& thread, const Workqueue& queue) const;

  void push(Work& work) { items_.push_back(work); }
  /// Wakes an idle worker if items wait and nobody is at them; the waker pays.
  Task<void> kick(Atomic& ctx);

 private:
  friend class PoolWorker;
  friend class Rescuer;
  bool need_more_worker() const { return !items_.empty() && running_ == 0; }
  bool need_to_create_worker() const { return need_more_worker() && idle_.empty(); }
  bool keep_working() const { return !items_.empty() && running_ <= 1; }
  bool too_many_workers() const;
  bool wake_idle(Cpu* waker);
  void enter_idle(PoolWorker& worker);
  void leave_idle(PoolWorker& worker);
  Task<bool> manage(Sleepable& ctx);
  std::uint32_t cpu_for_worker(std::uint32_t manager) const;
  void add_worker(std::uint32_t cpu);
  struct PoolTimer : Timer {
    PoolTimer(WorkerPool& of, Function function) : Timer(function), pool(of) {}
    WorkerPool& pool;
  };
  Task<void> watch_idle(Atomic& ctx);
  static Task<void> cull(Atomic& ctx, Timer& timer);
  static Task<void> mayday(Atomic& ctx, Timer& timer);

  System& system_;
  const std::string name_;
  const Cpu* const bound_to_;
  const int nice_;
  const PoolParams params_;
  List<Work> items_;
  List<PoolWorker> idle_;  // the youngest first
  std::uint32_t running_ = 0;
  std::uint32_t made_ = 0;
  std::size_t live_ = 0;
  bool managed_ = false;
  WaitQueue cooldown_{"worker"};
  PoolTimer cull_timer_{*this, &WorkerPool::cull};      // only while there are too many
  PoolTimer mayday_timer_{*this, &WorkerPool::mayday};  // while a worker is being made
  std::vector<std::unique_ptr<PoolWorker>> workers_;
};

/// The pools of a machine: of every CPU and of none, at nice 0 and at nice -20.
class Pools {
 public:
  explicit Pools(System& system, const PoolParams& params = {});
  System& system() { return system_; }
  WorkerPool& bound(std::uint32_t cpu, bool highpri) { return *bound_[highpri ? 1 : 0][cpu]; }
  WorkerPool& unbound(bool highpri) { return *unbound_[highpri ? 1 : 0]; }

 private:
  System& system_;
  std::vector<std::unique_ptr<WorkerPool>> bound_[2];
  std::unique_ptr<WorkerPool> unbound_[2];
};

}  // namespace iodrome::kernel::wq
