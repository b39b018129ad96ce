// SPDX-License-Identifier: Apache-2.0
#include "model/designs/task_chain/carriers.h"

#include <algorithm>

#include "model/chain/walker.h"

namespace iodrome::designs::task_chain {

using namespace kernel;
using chain::Branch;

namespace {

std::uint8_t rank_of(Branch& branch) {
  return branch.walker().run().chain.priority.rank();
}

int nice_of(const chain::Priority& priority) {
  if (priority.of == chain::PriorityClass::best_effort) return 5 * priority.level - 20;
  return priority.of == chain::PriorityClass::rt ? -20 : 19;
}

}  // namespace

// A branch on a managed workqueue, until a worker has it.
class Carriers::Item final : public wq::Work, public Owned, public Pooled {
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
class Carriers::OwnThread final : public Kthreadd::Request, public Owned, public Pooled {
 public:
  OwnThread(Branch& branch, KthreadPool& otherwise) : branch_(branch), otherwise_(otherwise) {}
  Task<void> run(Sleepable& ctx) override {
    Branch& branch = branch_;
    delete this;
    const int nice = nice_of(branch.walker().run().chain.priority);
    if (nice != 0) ctx.thread().set_nice(nice);
    return branch.run_alone(ctx);
  }
  Task<void> refused(Sleepable& kthreadd) override {
    Branch& branch = branch_;
    KthreadPool& otherwise = otherwise_;
    delete this;
    return otherwise.queue(kthreadd, branch, rank_of(branch));
  }

 private:
  Branch& branch_;
  KthreadPool& otherwise_;
};

namespace {

constexpr int kUnboundHighpri = 3;

int queue_of(Carrier carrier) {
  return static_cast<int>(carrier) - static_cast<int>(Carrier::workqueue);
}
// Of a branch whose chain goes before all others.
int queue_of_rt(Carrier carrier) {
  return carrier == Carrier::unbound ? kUnboundHighpri : queue_of(Carrier::highpri);
}

}  // namespace

Carriers::Carriers(System& system, const ChainParams& params)
    : shared_(system, "kaio", static_cast<std::uint32_t>(params.threads),
              static_cast<std::uint32_t>(params.threads)) {
  for (const Carrier wanted : {carrier_of(params.policy), params.start_by}) {
    if (wanted == Carrier::own && own_ == nullptr)
      own_ = std::make_unique<Kthreadd>(system, "kchain");
    if (wanted < Carrier::workqueue) continue;
    if (pools_ == nullptr) pools_ = std::make_unique<wq::Pools>(system);
    made(queue_of(wanted));
  }
}

// Those of the class rt come with its first chain.
wq::Workqueue& Carriers::made(int index) {
  static constexpr const char* kNames[kQueues] = {"chain", "chain_unbound", "chain_highpri",
                                                  "chain_unbound_highpri"};
  static constexpr wq::WorkqueueFlags kFlags[kQueues] = {
      {}, {.unbound = true}, {.highpri = true}, {.unbound = true, .highpri = true}};
  if (queues_[index] == nullptr)
    queues_[index] = std::make_unique<wq::Workqueue>(*pools_, kNames[index], kFlags[index]);
  return *queues_[index];
}

Carriers::~Carriers() = default;

Task<void> Carriers::queue(Atomic& ctx, Branch& branch, Carrier carrier) {
  if (carrier == Carrier::shared) return shared_.queue(ctx, branch, rank_of(branch));
  if (carrier == Carrier::own)
    return own_->create(ctx, waiting_.add(new OwnThread(branch, shared_)));
  const bool rt = branch.walker().run().chain.priority.of == chain::PriorityClass::rt;
  wq::Workqueue& to = made(rt ? queue_of_rt(carrier) : queue_of(carrier));
  return then(to.queue(ctx, waiting_.add(new Item(branch))), [](bool queued) {
    check(queued, "a workqueue refused a chain");
    return Task<void>::ready();
  });
}

bool Carriers::workqueues_empty() const {
  return std::ranges::all_of(queues_,
                             [](const auto& each) { return each == nullptr || each->empty(); });
}

}  // namespace iodrome::designs::task_chain
