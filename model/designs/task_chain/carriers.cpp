// SPDX-License-Identifier: Apache-2.0
#include "model/designs/task_chain/carriers.h"

#include <algorithm>

namespace iodrome::designs::task_chain {

using namespace kernel;
using chain::Branch;

// A branch on a managed workqueue, until a worker has it.
class Carriers::Item final : public wq::Work, public Pooled {
 public:
  explicit Item(Branch& branch) : branch_(branch) { id = branch.id; }
  Task<void> run(Sleepable& ctx) override {
    Branch& branch = branch_;
    delete this;
    return branch.run(ctx);
  }

 private:
  Branch& branch_;
};

// A branch that kthreadd is asked to make a thread for.
class Carriers::OwnThread final : public Kthreadd::Request, public Pooled {
 public:
  OwnThread(Branch& branch, KthreadPool& otherwise) : branch_(branch), otherwise_(otherwise) {}
  Task<void> run(Sleepable& ctx) override {
    Branch& branch = branch_;
    delete this;
    return branch.run_alone(ctx);
  }
  Task<void> refused(Sleepable& kthreadd) override {
    Branch& branch = branch_;
    KthreadPool& otherwise = otherwise_;
    delete this;
    return otherwise.queue(kthreadd, branch);
  }

 private:
  Branch& branch_;
  KthreadPool& otherwise_;
};

namespace {

int queue_of(Carrier carrier) {
  return static_cast<int>(carrier) - static_cast<int>(Carrier::workqueue);
}

}  // namespace

Carriers::Carriers(System& system, const ChainParams& params)
    : shared_(system, "kaio", static_cast<std::uint32_t>(params.threads),
              static_cast<std::uint32_t>(params.threads)) {
  static constexpr const char* kNames[kQueues] = {"chain", "chain_unbound", "chain_highpri"};
  static constexpr wq::WorkqueueFlags kFlags[kQueues] = {{}, {.unbound = true}, {.highpri = true}};
  for (const Carrier wanted : {carrier_of(params.policy), params.start_by}) {
    if (wanted == Carrier::own && own_ == nullptr)
      own_ = std::make_unique<Kthreadd>(system, "kchain");
    if (wanted < Carrier::workqueue) continue;
    if (pools_ == nullptr) pools_ = std::make_unique<wq::Pools>(system);
    const int index = queue_of(wanted);
    if (queues_[index] == nullptr)
      queues_[index] = std::make_unique<wq::Workqueue>(*pools_, kNames[index], kFlags[index]);
  }
}

Carriers::~Carriers() = default;

Task<void> Carriers::queue(Atomic& ctx, Branch& branch, Carrier carrier) {
  if (carrier == Carrier::shared) return shared_.queue(ctx, branch);
  if (carrier == Carrier::own) return own_->create(ctx, *new OwnThread(branch, shared_));
  return then(queues_[queue_of(carrier)]->queue(ctx, *new Item(branch)), [](bool queued) {
    check(queued, "a workqueue refused a chain");
    return Task<void>::ready();
  });
}

bool Carriers::workqueues_empty() const {
  return std::ranges::all_of(queues_,
                             [](const auto& each) { return each == nullptr || each->empty(); });
}

}  // namespace iodrome::designs::task_chain
