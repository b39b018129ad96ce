// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <deque>

#include "model/engine/wait_queue.h"
#include "model/workloads/fio/fio_workload.h"

namespace iodrome::workloads {

/// One run of a job file: each clone is a thread that keeps its reads in flight.
class FioRun final : public WorkloadRun {
 public:
  FioRun(const FioWorkload& workload, Stage& stage);

  chain::ChainRun* next(std::uint32_t thread) override;
  bool ready(std::uint32_t thread) const override;
  bool exhausted(std::uint32_t thread) const override;
  /// Reads follow each other; only a start delay or a group before makes a thread wait for anything
  /// else.
  bool open_loop() const override { return waits_for_others_; }
  void finished(std::uint32_t thread, chain::ChainRun& run) override;

  std::uint32_t thread_count() const override { return static_cast<std::uint32_t>(clones_.size()); }
  void start(ArrivalListener& listener) override;
  std::uint64_t requests_total() const override;
  std::uint64_t requests_issued() const override;

 private:
  struct Clone {
    const FioClone* spec = nullptr;
    std::vector<int> fds;
    std::uint64_t blocks = 0;  // of its region, in each file
    std::deque<chain::ChainRun> runs;
    std::vector<chain::ChainRun*> idle;
    std::uint64_t issued = 0;
    std::uint64_t finished = 0;
    bool started = false;
    SimTime stop_at = kNever;
  };

  Task<void> start_groups();
  Task<void> begin_later(std::uint32_t thread);
  void begin(std::uint32_t thread);
  bool over(const Clone& clone) const;
  bool group_over(std::uint32_t group) const;
  std::uint64_t block_of(const Clone& clone, std::uint64_t number) const;

  const FioWorkload& workload_;
  Stage& stage_;
  ArrivalListener* listener_ = nullptr;
  std::vector<Clone> clones_;
  WaitQueue group_ended_;
  bool waits_for_others_ = false;
};

/// A fixed permutation of 0 … n-1, keyed: what fio's random map achieves, every block once.
std::uint64_t permuted(std::uint64_t index, std::uint64_t n, std::uint64_t seed, std::uint64_t key);

}  // namespace iodrome::workloads
