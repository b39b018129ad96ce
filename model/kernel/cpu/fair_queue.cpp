// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/cpu/fair_queue.h"

#include <algorithm>

#include "model/kernel/cpu/scheduler_params.h"

namespace iodrome::kernel {

namespace {

// The part of the period in which everybody runs once that is this thread's.
Duration slice(std::int64_t weight, std::int64_t total_weight, std::size_t runnable,
               const SchedulerParams& params) {
  const Duration shortest = params.min_granularity * static_cast<std::int64_t>(runnable);
  const Duration period = std::max(params.latency, shortest);
  return period * weight / total_weight;
}

}  // namespace

SchedEntity& FairQueue::take_first() {
  SchedEntity& first = *tree_.begin();
  remove(first);
  return first;
}

void FairQueue::remove(SchedEntity& entity) {
  tree_.erase(tree_.iterator_to(entity));
  weight_ -= entity.weight;
  --waiting_;
}

void FairQueue::clear() {
  tree_.clear();
  waiting_ = 0;
  weight_ = 0;
}

void FairQueue::place(SchedEntity& entity, const SchedEntity* current,
                      const SchedulerParams& params) const {
  if (entity.placed) {
    entity.vruntime = std::max(entity.vruntime, min_vruntime_ - to_ps(params.latency) / 2);
    return;
  }
  const std::int64_t total = weight_ + entity.weight + (current != nullptr ? current->weight : 0);
  const std::size_t runnable = waiting_ + 1 + (current != nullptr ? 1 : 0);
  const Duration debit = slice(entity.weight, total, runnable, params);
  entity.vruntime = min_vruntime_ + virtual_time(debit, entity.weight);
  entity.placed = true;
}

void FairQueue::update_current(SchedEntity& current, SimTime now) {
  const Duration ran = now - current.exec_start;
  current.exec_start = now;
  current.ran += ran;
  current.cpu_time += ran;
  current.vruntime += virtual_time(ran, current.weight);
  std::int64_t least = current.vruntime;
  if (const SchedEntity* const next = first(); next != nullptr)
    least = std::min(least, next->vruntime);
  min_vruntime_ = std::max(min_vruntime_, least);
}

bool FairQueue::tick_preempts(const SchedEntity& current, const SchedulerParams& params) const {
  if (tree_.empty()) return false;
  const Duration ideal = slice(current.weight, weight_ + current.weight, waiting_ + 1, params);
  if (current.ran > ideal) return true;
  if (current.ran < params.min_granularity) return false;
  return current.vruntime - first()->vruntime > to_ps(ideal);
}

bool FairQueue::wakeup_preempts(const SchedEntity& woken, const SchedEntity& current,
                                const SchedulerParams& params) {
  const std::int64_t behind = current.vruntime - woken.vruntime;
  return behind > virtual_time(params.wakeup_granularity, woken.weight);
}

}  // namespace iodrome::kernel
