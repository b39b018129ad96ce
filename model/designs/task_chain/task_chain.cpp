// SPDX-License-Identifier: Apache-2.0
// The task-chain design: what can be set, and how it is started.
#include "model/designs/task_chain/chain_side.h"

namespace iodrome::designs::task_chain {

namespace {

using namespace kernel;

class TaskChain final : public Design {
 public:
  void describe(ParameterList& list) override { task_chain::describe(params_, costs_, list); }
  std::string check_parameters() override { return take_up(params_); }
  std::int64_t steps_max() const override { return params_.max_steps; }
  void start(const Platform& platform) override {
    engine_ = std::make_unique<ChainEngine>(platform.os, platform.process, platform.providers,
                                            costs_, params_);
  }
  std::unique_ptr<AppSide> make_app_side(WaitQueue& sleepers, std::uint32_t) override {
    return make_chain_side(*engine_, sleepers);
  }
  std::vector<std::pair<std::string, const Cost*>> costs() const override { return named(costs_); }
  std::vector<std::pair<std::string, std::uint64_t>> counters() const override {
    RingCounts all;
    for (const ChainQueue* queue : engine_->queues) all.merge(queue->counts());
    return {{"ring_high_water", all.high_water},
            {"held", all.held},
            {"spilled", all.spilled},
            {"dropped", all.dropped}};
  }

 private:
  ChainParams params_;
  ChainCosts costs_;
  std::unique_ptr<ChainEngine> engine_;
};

constexpr Difference kNotModelled[] = {
    {"the page cache's way of a receive to user memory by a provider: a CPU copies what sockets "
     "hold",
     "model/chain"},
    {"a cipher and a digest of what it wrote as one step, a route of acrypto: they are two steps",
     "model/chain"},
    {"softirqs that may not start page-cache reads or drop files: here they may", "model/chain"},
    {"readiness of connections: a request that arrives ends the wait at no cost",
     "designs/task_chain"},
    {"pinning of the pages that memory steps work on: a chain's memory is as if registered before, "
     "or shared with the engine (SVM)",
     "model/chain"},
    {"the interrupt that takes a thread out of user mode for its task work: it meets it on its "
     "next "
     "way out of the kernel",
     "designs/task_chain"},
    {"the calls that make eventfd and epoll instance, and ask for a signal", "designs/task_chain"},
    {"receives and directory events whose bytes are copied in the consumer's own call: reads of "
     "files alone",
     "model/chain"},
    {"priorities of chains below the threads that carry them: the block layer has none",
     "model/chain"},
};

}  // namespace

extern const Descriptor descriptor;
const Descriptor descriptor = {
    .name = "task_chain",
    .summary = "one call submits the whole chain; steps go on in threads, softirqs or hardirqs",
    .source = "E. Polyakov, linux-fsdevel and linux-kernel, 2006-12-28 to 2007-01-06",
    .threads = Threads::per_cpu,
    .not_modelled = kNotModelled,
    .make = []() -> std::unique_ptr<Design> { return std::make_unique<TaskChain>(); },
};

}  // namespace iodrome::designs::task_chain
