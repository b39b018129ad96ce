// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <deque>

#include "model/workloads/expected_stream.h"
#include "model/workloads/script/script_workload.h"

namespace iodrome::workloads {

/// One run of a scenario's chains: every client issues its own `repeat` times.
class ScriptRun final : public WorkloadRun {
 public:
  ScriptRun(const ScriptWorkload& workload, Stage& stage);

  chain::ChainRun* next(std::uint32_t thread) override;
  bool ready(std::uint32_t thread) const override { return !threads_[thread].empty(); }
  bool exhausted(std::uint32_t thread) const override;
  bool open_loop() const override { return open_loop_; }
  void finished(std::uint32_t thread, chain::ChainRun& run) override;

  std::uint32_t thread_count() const override {
    return static_cast<std::uint32_t>(threads_.size());
  }
  void start(ArrivalListener& listener) override;
  std::uint64_t requests_total() const override;
  bool stream_matches(std::uint32_t connection, std::uint64_t offset,
                      std::span<const std::byte> bytes) override;
  std::uint64_t bytes_expected() const override;

 private:
  struct Client {
    const ScriptPart* part = nullptr;
    chain::ChainRun run;
    std::vector<std::string> paths;  // by step
    std::deque<SimTime> arrived;     // the first may be in progress
    ExpectedStream expected;
    std::int64_t issued = 0;  // arrivals so far
    std::uint32_t thread = 0;
    bool busy = false;
    std::uint64_t stream_end = 0;  // where its stream must stand once the chain has succeeded
  };

  Task<void> arrivals(std::uint32_t client);
  void arrive(std::uint32_t client);
  void make_client(std::uint32_t index, const ScriptPart& part);
  void listen();
  void watch();
  void bind_step(std::uint32_t index, chain::Step& step) const;
  void draw_offsets(Client& client);
  void prepare(Client& client, std::uint32_t index);
  void name_files(Client& client);

  const ScriptWorkload& workload_;
  Stage& stage_;
  const bool open_loop_;                   // some clients do not wait for their chain's end
  std::map<std::int64_t, int> listeners_;  // descriptors by port
  std::map<std::pair<std::string, std::uint64_t>, int> watchers_;  // by directory and events
  ArrivalListener* listener_ = nullptr;
  std::deque<Client> clients_;
  std::vector<std::deque<std::uint32_t>> threads_;  // clients that may start, by thread
};

}  // namespace iodrome::workloads
