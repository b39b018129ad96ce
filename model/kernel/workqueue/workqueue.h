// SPDX-License-Identifier: Apache-2.0
// Concurrency-managed workqueues: many queues share the workers of the pools.
#pragma once
#include <deque>

#include "model/kernel/workqueue/worker_pool.h"

namespace iodrome::kernel::wq {

/// alloc_workqueue()'s flags.
struct WorkqueueFlags {
  bool unbound = false;        // items run on any CPU
  bool highpri = false;        // by workers of nice -20
  bool mem_reclaim = false;    // a rescuer stands by while no worker can be made
  bool cpu_intensive = false;  // its items do not keep others of their CPU waiting
  bool ordered = false;        // one item at a time, in the order of queueing; unbound
};

/// max_active of a queue that asks for none, WQ_DFL_ACTIVE. Source: Linux include/linux/workqueue.h
/// up to 6.14.
inline constexpr std::uint32_t kDefaultMaxActive = 256;

/// A workqueue's share of a pool, struct pool_workqueue.
struct PoolWorkqueue : Hook {
  PoolWorkqueue(Workqueue& of, WorkerPool& at, std::uint32_t most)
      : queue(of), pool(at), max_active(most) {}

  /// Puts the item on the pool's list, or holds it back.
  void insert(Atomic& ctx, Work& work);
  /// An item has ended, or was taken off. One that was held back takes its place.
  void leave(Atomic& ctx, bool was_active);

  Workqueue& queue;
  WorkerPool& pool;
  const std::uint32_t max_active;
  std::uint32_t active = 0;
  List<Work> inactive;

 private:
  void activate(Atomic& ctx, Work& work);
};

class DelayedWork;
class Rescuer;

/// A queue of items.
///
/// Order: FIFO per pool; an item that is queued again while it runs follows on the same worker. An
/// item that runs must not be queued to another workqueue.
///
/// Differs from Linux: an unbound queue's max_active is of the machine, which is one node; no
/// freezing, no CPU affinity scopes.
class Workqueue {
 public:
  /// `max_active`: items of it that may run at a time, per CPU if it is bound.
  Workqueue(Pools& pools, const char* name, WorkqueueFlags flags,
            std::uint32_t max_active = kDefaultMaxActive);
  ~Workqueue();
  Workqueue(const Workqueue&) = delete;
  Workqueue& operator=(const Workqueue&) = delete;

  /// queue_work(): false if the item is pending, is being cancelled, or the queue drains and the
  /// caller is none of its items. Legal in any context.
  Task<bool> queue(Atomic& ctx, Work& work);
  /// queue_delayed_work(): the same once `delay` has passed; 0 is at once. While the queue drains,
  /// what expires is dropped.
  Task<bool> queue_delayed(Atomic& ctx, DelayedWork& work, Duration delay);
  /// mod_delayed_work(): takes the item back if it is pending, then queue_delayed(). True if it was
  /// pending.
  Task<bool> mod_delayed(Atomic& ctx, DelayedWork& work, Duration delay);
  /// flush_workqueue(): sleeps until all that was queued before has ended.
  Task<void> flush(Sleepable& ctx);
  /// drain_workqueue(): sleeps until the queue is empty; meanwhile only its own items may queue.
  ///
  /// Differs from Linux: what others queue is refused, where Linux warns and loses it.
  Task<void> drain(Sleepable& ctx);

  const char* name() const { return name_; }
  const WorkqueueFlags& flags() const { return flags_; }
  /// Neither pending nor running items.
  bool empty() const { return in_flight_.size() == 1 && in_flight_.back() == 0; }

 private:
  friend class Worker;
  friend class WorkerPool;
  friend class DelayedWork;
  friend Task<bool> grab_pending(Atomic& ctx, Work& work);

  void call_rescuer(PoolWorkqueue& share, Cpu& caller);
  PoolWorkqueue& share_for(Atomic& ctx, const Work& work);
  bool refuses(Atomic& ctx) const;
  WorkerPool* queue_expired(Atomic& ctx, DelayedWork& work);
  void enqueue(Atomic& ctx, Work& work, PoolWorkqueue& pwq);
  Task<void> ended(Atomic& ctx, std::uint64_t color);
  bool retire_colors();

  System& system_;
  const char* name_;
  const WorkqueueFlags flags_;
  std::deque<PoolWorkqueue> shares_;  // of every CPU, or one
  // Items in flight by colour: each flush begins a new one and waits for those before it.
  std::deque<std::uint64_t> in_flight_{0};
  std::uint64_t first_color_ = 0;
  std::uint32_t drains_ = 0;
  WaitQueue flushers_{"flush_workqueue"};
  std::unique_ptr<Rescuer> rescuer_;
};

}  // namespace iodrome::kernel::wq
