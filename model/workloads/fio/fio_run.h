// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <deque>

#include "model/engine/wait_queue.h"
#include "model/workloads/fio/fio_workload.h"
#include "model/workloads/fio/write_check.h"

namespace iodrome::workloads {

/// One run of a job file: each clone is a thread that keeps its requests in flight.
class FioRun final : public WorkloadRun {
 public:
  FioRun(const FioWorkload& workload, Stage& stage);

  chain::ChainRun* next(std::uint32_t thread) override;
  bool ready(std::uint32_t thread) const override;
  bool exhausted(std::uint32_t thread) const override;
  /// Requests follow each other; only a start delay or a group before makes a thread wait for
  /// anything else.
  bool open_loop() const override { return waits_for_others_; }
  void finished(std::uint32_t thread, chain::ChainRun& run) override;

  std::uint32_t thread_count() const override { return static_cast<std::uint32_t>(clones_.size()); }
  void start(ArrivalListener& listener) override;
  std::uint64_t requests_total() const override;
  std::uint64_t requests_issued() const override;
  std::string wrong_content() const override;

 private:
  struct Clone {
    const FioClone* spec = nullptr;
    std::vector<int> fds;
    std::uint64_t blocks = 0;  // of its region, in each file
    std::deque<chain::ChainRun, PoolAllocator<chain::ChainRun>> runs;
    std::vector<chain::ChainRun*> idle;
    std::uint64_t issued = 0;             // reads and writes
    std::array<std::uint64_t, 2> done{};  // of them: reads, writes
    std::uint64_t synced_at = 0;          // writes when the last sync was issued
    std::size_t end_syncs = 0;            // files synced at the end
    std::uint64_t handed = 0;             // requests in all
    std::uint64_t finished = 0;
    int last_written = -1;  // descriptor
    bool started = false;
    SimTime stop_at = kNever;
  };

  Task<void> start_groups();
  Task<void> begin_later(std::uint32_t thread);
  void begin(std::uint32_t thread);
  bool moved_all(const Clone& clone) const;
  bool over(const Clone& clone) const;
  bool sync_due(const Clone& clone) const;
  bool writes_next(const Clone& clone) const;
  void make_transfer(Clone& clone, chain::ChainRun& run);
  void make_sync(Clone& clone, chain::ChainRun& run);
  bool group_over(std::uint32_t group) const;
  std::uint64_t block_of(const Clone& clone, std::uint64_t number) const;

  const FioWorkload& workload_;
  Stage& stage_;
  ArrivalListener* listener_ = nullptr;
  std::vector<Clone> clones_;
  std::optional<WriteCheck> check_;
  WaitQueue group_ended_;
  bool waits_for_others_ = false;
};

/// A fixed permutation of 0 … n-1, keyed: what fio's random map achieves, every block once.
std::uint64_t permuted(std::uint64_t index, std::uint64_t n, std::uint64_t seed, std::uint64_t key);

}  // namespace iodrome::workloads
