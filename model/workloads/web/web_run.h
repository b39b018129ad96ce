// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <deque>

#include "model/engine/wait_queue.h"
#include "model/workloads/expected_stream.h"
#include "model/workloads/web/web_workload.h"

namespace iodrome::workloads {

/// One replay of the log.
class WebRun final : public WorkloadRun {
 public:
  WebRun(const WebWorkload& workload, Stage& stage);

  chain::ChainRun* next(std::uint32_t thread) override;
  bool ready(std::uint32_t thread) const override { return !threads_[thread].ready.empty(); }
  bool exhausted(std::uint32_t thread) const override;
  bool open_loop() const override { return true; }
  void finished(std::uint32_t thread, chain::ChainRun& run) override;

  std::uint32_t thread_count() const override {
    return static_cast<std::uint32_t>(threads_.size());
  }
  void start(ArrivalListener& listener) override;
  std::uint64_t requests_total() const override { return workload_.log().records.size(); }
  bool stream_matches(std::uint32_t connection, std::uint64_t offset,
                      std::span<const std::byte> bytes) override;
  std::uint64_t bytes_expected() const override;

 private:
  struct Connection {
    std::deque<std::uint32_t> arrived;  // records, in order; the first may be in progress
    ExpectedStream expected;
    chain::ChainRun run;
    std::uint32_t thread = 0;
    bool busy = false;
    std::uint64_t stream_end = 0;  // where its stream must stand once the request has succeeded
  };
  struct Thread {
    std::deque<std::uint32_t> ready;  // connections with a request that may start
  };

  bool closed_loop() const { return workload_.options().load.kind == Load::Kind::closed; }
  Task<void> replay();
  Task<void> hand_out();
  void arrive(std::uint32_t record, std::uint32_t connection);
  void prepare(Connection& connection, std::uint32_t index);
  SimTime arrival_of(const AccessRecord& record) const;
  std::uint32_t connection_of(const AccessRecord& record) const;

  const WebWorkload& workload_;
  Stage& stage_;
  ArrivalListener* listener_ = nullptr;
  std::vector<Connection> connections_;
  std::vector<Thread> threads_;
  std::vector<std::uint64_t> inodes_;  // by file of the log
  SimTime begun_{};
  std::int64_t span_ps_ = 0;      // of the log as stamped
  std::int64_t replay_ps_ = 0;    // of its replay
  std::uint64_t handed_out_ = 0;  // records that have arrived
};

}  // namespace iodrome::workloads
